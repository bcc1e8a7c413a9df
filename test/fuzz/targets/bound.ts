import assert from "node:assert/strict";
import { challengeHeader, registrationHeader, skippedReasons, textOf } from "../../../src/bound/headers.ts";
import { judgeRefresh, judgeRegistration, type Judged } from "../../../src/bound/proof.ts";
import { answers, isWorthAnswering, keptOf, newChallenge, renewed } from "../../../src/bound/state.ts";
import {
  type Bare,
  type Item,
  parseItem,
  parseList,
  parseText,
  writeString,
} from "../../../src/bound/structured.ts";
import { type DeviceKey, newKey, signed } from "../../bound/support/signing.ts";
import { GENUINE } from "../genuine.ts";
import { firstLine, NOW, parsed, signedPart, type Target } from "./target.ts";

const LIFETIMES = { cookieMs: 600_000, challengeMs: 1_800_000 };
const SIGNED = [...GENUINE.registrations, ...GENUINE.refreshes].map((token) => signedPart(token));
const BOTH = ["ES256", "RS256"] as const;

export const BOUND_TARGETS: Readonly<Record<string, Target>> = {
  /** A structured field. */
  structured(text) {
    const item = parseItem(text);
    const list = parseList(text);
    if (item !== null) assert.deepEqual(list, [item]);
    if (list?.every((one) => isWritable(one)))
      assert.deepEqual(parseList(list.map((one) => written(one)).join(", ")), list);
    const reasons = skippedReasons(() => text);
    assert.equal(new Set(reasons).size, reasons.length);
    for (const reason of reasons) assert.match(reason, /^(?:unreachable|server_error|quota_exceeded)$/);

    const found = parseText(text);
    const told = textOf(() => text, ["any"]);
    assert.equal(told.kind, text.trim() === "" ? "none" : found === null ? "bad" : "text");
    if (found === null) return;
    // What was read is text of ours to write from then on: no header that we make of it says more than it.
    assert.equal(parseText(writeString(found)), found);
    const string = { kind: "string", value: found };
    assert.deepEqual(parseItem(challengeHeader(found, found)), {
      bare: string,
      parameters: new Map([["id", string]]),
    });
    const provider = { key: found, sessionId: found, url: found };
    const offer = { algorithms: BOTH, path: found, challenge: found, authorization: found, provider };
    const [head = "", ...parameters] = registrationHeader(offer).split(/(?<=^\([^)]*\))/);
    assert.equal(head, "(ES256 RS256)");
    assert.deepEqual(
      [...(parseItem(`a${parameters.join("")}`)?.parameters ?? [])],
      ["path", "challenge", "authorization", "provider_key", "provider_session_id", "provider_url"].map(
        (name) => [name, string],
      ),
    );
  },

  /** A proof as a browser sends it; or two lines, a header and a payload, that are signed by a device here. */
  async proof(text) {
    const [registration, refresh] = [await judgeRegistration(text, BOTH), await refreshBy(text)];
    const isGenuine = (all: readonly string[]): boolean => all.includes(text);
    if (isGenuine(GENUINE.registrations)) assert.equal(registration.fault, null);
    if (isGenuine(GENUINE.refreshes)) assert.equal(refresh.fault, null);
    // Nobody has the keys any more: whatever else is accepted was signed by nobody.
    for (const judged of [registration, refresh])
      if (judged.fault === null) assert.ok(SIGNED.includes(signedPart(text)), "a proof that nobody signed");

    const [header, payload] = firstLine(text);
    if (payload !== "") await signedHere(parsed(header), payload);
  },

  /** What is kept with a session, as JSON. */
  binding(text) {
    const kept = keptOf(parsed(text));
    if (kept.kind === "nothing" || kept.kind === "corrupt") return;
    const value = kept.kind === "offer" ? { offer: kept.offer } : { binding: kept.binding };
    assert.deepEqual(keptOf(JSON.parse(JSON.stringify(value))), kept);
    if (kept.kind === "offer") return;
    const { binding } = kept;
    const { text: open, until } = binding.challenge;
    assert.equal(answers(open, binding, NOW), NOW < until);
    assert.equal(answers(`${open}x`, binding, NOW), false);
    if (isWorthAnswering(binding, NOW)) assert.ok(answers(open, binding, NOW));
    const next = renewed(binding, "hash", newChallenge(NOW, LIFETIMES), NOW, LIFETIMES);
    assert.deepEqual(keptOf({ binding: next }), { kind: "binding", binding: next });
    assert.equal(answers(open, next, NOW), false);
    assert.ok(next.previous === null || next.previous.until > NOW);
  },
};

function refreshBy(text: string): Promise<Judged<unknown>> {
  return judgeRefresh(text, { algorithm: "ES256", key: GENUINE.deviceKey });
}

let device: Promise<DeviceKey> | undefined;

/** Signs anything, as who has a device can. What it says is believed only where it is a proof. */
async function signedHere(header: unknown, payload: string): Promise<void> {
  device ??= newKey();
  const key = await device;
  const members = typeof header === "object" && header !== null ? header : {};
  const token = await signed(key, { jwk: key.jwk, ...members }, payload);
  assert.notEqual((await refreshBy(token)).fault, null, "another device's key");
  const judged = await judgeRegistration(token, BOTH);
  if (judged.fault !== null) return;
  const said = parsed(Buffer.from(payload).toString()) as Record<string, unknown>;
  assert.deepEqual(judged.proof.key, key.jwk);
  assert.equal(judged.proof.challenge, said["jti"]);
  assert.equal(judged.proof.authorization, said["authorization"] ?? null);
  assert.equal((members as { typ?: unknown }).typ, "dbsc+jwt");
}

/** Base64, dates and display strings are read as being there, and no more is known of them. */
function isWritable({ bare, parameters }: Item): boolean {
  return [bare, ...parameters.values()].every(({ kind }) => kind !== "other");
}

function written({ bare, parameters }: Item): string {
  const texts = [...parameters].map(([name, value]) => `;${name}=${writtenBare(value)}`);
  return writtenBare(bare) + texts.join("");
}

function writtenBare(bare: Bare): string {
  switch (bare.kind) {
    case "string":
      return writeString(bare.value);
    case "boolean":
      return bare.value ? "?1" : "?0";
    case "number":
      return Object.is(bare.value, -0) ? "-0" : String(bare.value);
    case "token":
      return bare.value;
    case "other":
      throw new Error("not written");
  }
}
