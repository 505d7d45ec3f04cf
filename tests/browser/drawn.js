// The words of drawings that stand out too little from what is drawn behind them (WCAG 1.4.3), which axe can't tell.
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true})
  const colour = text => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = text
    canvas.fillRect(0, 0, 1, 1)
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data
    return {part: [red, green, blue], alpha: alpha / 255}
  }
  const linear = part => part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4
  const light = ({part: [red, green, blue]}) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
  const over = (top, under) => ({part: top.part.map((each, at) => each * top.alpha + under.part[at] * (1 - top.alpha)), alpha: 1})

  const behind = (element, x, y) => {
    const style = getComputedStyle(element)
    if (!(element instanceof SVGElement)) return colour(style.backgroundColor)
    if (!(element instanceof SVGGeometryElement) || style.fill === 'none') return null
    const point = new DOMPoint(x, y).matrixTransform(element.getScreenCTM().inverse())
    if (!element.isPointInFill(point)) return null
    const found = colour(style.fill)
    found.alpha *= style.fillOpacity * style.opacity
    return found
  }

  const faint = []
  for (const text of document.querySelectorAll('svg text')) {
    if (!text.checkVisibility() || !text.textContent.trim()) continue
    text.scrollIntoView({block: 'center'})
    const box = text.getBoundingClientRect()
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
    const all = document.elementsFromPoint(x, y)
    const layers = []
    for (const each of all.slice(all.findIndex(each => text.contains(each)) + 1)) {
      const layer = behind(each, x, y)
      if (layer && layer.alpha > 0) layers.push(layer)
      if (layer && layer.alpha === 1) break
    }
    const ground = layers.reduceRight((under, top) => over(top, under), colour('white'))
    const style = getComputedStyle(text)
    const [one, other] = [light(over(colour(style.fill), ground)), light(ground)]
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    const size = parseFloat(style.fontSize) * text.getScreenCTM().a
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5
    if (ratio < least) faint.push(`${text.textContent}: ${ratio.toFixed(2)}`)
  }
  return faint
}
