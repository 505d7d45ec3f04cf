// One step of RFC 9497 (VOPRF, ristretto255-SHA512) by @noble/curves: a JSON request on stdin, its answer on stdout.
// Bytes are hex. A finalisation that the library refuses answers {refused: its words}; anything else that fails exits 1.

import { text } from "node:stream/consumers";
import { ristretto255_oprf } from "@noble/curves/ed25519.js";

const { voprf } = ristretto255_oprf;
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data) => Buffer.from(data).toString("hex");

const steps = {
  derive({ seed, info }) {
    const { secretKey, publicKey } = voprf.deriveKeyPair(bytes(seed), bytes(info));
    return { secret: hex(secretKey), public: hex(publicKey) };
  },
  blind({ inputs }) {
    const made = inputs.map((input) => voprf.blind(bytes(input)));
    return { blinds: made.map(({ blind }) => hex(blind)), blinded: made.map(({ blinded }) => hex(blinded)) };
  },
  evaluate({ secret, public: key, blinded }) {
    const answer = voprf.blindEvaluateBatch(bytes(secret), bytes(key), blinded.map(bytes));
    return { evaluated: answer.evaluated.map(hex), proof: hex(answer.proof) };
  },
  finalize({ inputs, blinds, blinded, evaluated, public: key, proof }) {
    const items = inputs.map((input, i) => ({
      input: bytes(input),
      blind: bytes(blinds[i]),
      blinded: bytes(blinded[i]),
      evaluated: bytes(evaluated[i]),
    }));
    try {
      return { outputs: voprf.finalizeBatch(items, bytes(key), bytes(proof)).map(hex) };
    } catch (error) {
      return { refused: error.message };
    }
  },
};

const { step, ...request } = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(steps[step](request)));
