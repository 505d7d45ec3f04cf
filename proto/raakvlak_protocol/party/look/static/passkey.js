// Passkeys: asks the node for what to sign, lets the browser sign it, brings back the answer. Each element with
// `data-passkey` is one such place; without this script, or in a browser without passkeys, it stays hidden.
"use strict";

(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (each) => each.charCodeAt(0));
  };
  const text = (buffer) => {
    const plain = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const keys = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));

  // The credential as the node reads it (RegistrationResponseJSON, AuthenticationResponseJSON).
  const answerOf = (credential) => {
    const given = credential.response;
    const response = { clientDataJSON: text(given.clientDataJSON) };
    if (given.attestationObject) {
      response.attestationObject = text(given.attestationObject);
      if (given.getTransports) response.transports = given.getTransports();
    } else {
      response.authenticatorData = text(given.authenticatorData);
      response.signature = text(given.signature);
      response.userHandle = given.userHandle ? text(given.userHandle) : null;
    }
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
  };

  class Place {
    constructor(element) {
      this.element = element;
      this.button = element.querySelector("[data-passkey-button]");
      this.message = element.querySelector("[data-passkey-message]");
      this.name = element.querySelector("[data-passkey-name]");
      this.waiting = null;
      this.button.addEventListener("click", () => this.begin());
      element.hidden = false;
      if (element.dataset.passkey === "sign-in") this.offer();
    }

    async send(path, body) {
      const answer = await fetch(path, {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json", "X-Raakvlak-Form": this.element.dataset.token },
        body: JSON.stringify(body),
      });
      // A page instead of an answer: signed in elsewhere meanwhile, say. What it says is not for here.
      const found = await answer.json().catch(() => ({}));
      if (found.go) {
        location.assign(found.go);
        return null;
      }
      if (!answer.ok) throw new Error(found.message || "");
      return found;
    }

    async credential(more) {
      const options = await this.send(this.element.dataset.options, {});
      if (!options) return null;
      options.challenge = bytes(options.challenge);
      if (this.element.dataset.passkey !== "create") {
        options.allowCredentials = keys(options.allowCredentials);
        return navigator.credentials.get({ publicKey: options, ...more });
      }
      options.user.id = bytes(options.user.id);
      options.excludeCredentials = keys(options.excludeCredentials);
      return navigator.credentials.create({ publicKey: options, ...more });
    }

    async finish(credential) {
      const body = { answer: answerOf(credential), back: this.element.dataset.back || "" };
      if (this.name) body.name = this.name.value;
      await this.send(this.element.dataset.answer, body);
    }

    async begin() {
      if (this.waiting) this.waiting.abort();
      this.button.disabled = true;
      this.message.textContent = "";
      try {
        const credential = await this.credential({});
        if (credential) await this.finish(credential);
      } catch (error) {
        // What the browser says is in its own words; what the node says is meant for people.
        this.message.textContent = (!(error instanceof DOMException) && !(error instanceof TypeError) && error.message) || this.element.dataset.wrong;
      } finally {
        this.button.disabled = false;
      }
    }

    // Among what the browser fills in by itself. A challenge lasts five minutes: a new one before that.
    async offer() {
      const able = PublicKeyCredential.isConditionalMediationAvailable;
      if (!able || !(await able.call(PublicKeyCredential))) return;
      const mine = (this.waiting = new AbortController());
      const again = setTimeout(() => {
        mine.abort();
        this.offer();
      }, 240000);
      try {
        const credential = await this.credential({ mediation: "conditional", signal: mine.signal });
        if (credential) await this.finish(credential);
      } catch (error) {
        if (error.name !== "AbortError" && !(error instanceof DOMException)) this.message.textContent = error.message || this.element.dataset.wrong;
      } finally {
        clearTimeout(again);
      }
    }
  }

  for (const each of document.querySelectorAll("[data-passkey]")) new Place(each);
})();
