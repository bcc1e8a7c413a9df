import assert from "node:assert/strict";
import { type Answer, type Ask, type Endpoint } from "../../../src/endpoint.ts";
import { backChannelLogout, sessionRevoked } from "../../../src/federation.ts";
import type { SignalTarget } from "../../../src/federation/options.ts";
import { labelsOf, type SessionScope } from "../../../src/core/labels.ts";
import {
  CLIENT,
  FORM,
  ISSUER,
  type ProviderKey,
  providerKey,
  SET,
  signed,
} from "../../federation/support/keys.ts";
import { GENUINE } from "../genuine.ts";
import { firstLine, NOW, parsed, signedPart, type Target } from "./target.ts";

const SIGNED = [...GENUINE.logouts, ...GENUINE.events].map((token) => signedPart(token));

export const SIGNAL_TARGETS: Readonly<Record<string, Target>> = {
  /** A token as anybody sends it; or two lines, a header and claims, that are signed by the provider. */
  async signal(text) {
    const { logout, event, ended } = await scene();
    const answers = [await logout(text), await event(text)];
    if (GENUINE.logouts.some((token) => token === text)) assert.equal(answers[0]?.status, 200);
    if (GENUINE.events.some((token) => token === text)) assert.equal(answers[1]?.status, 202);
    if (!SIGNED.includes(signedPart(text.trim()))) {
      assert.deepEqual(ended, []);
      for (const { status } of answers) assert.equal(status, 400);
    }

    const [header, claims] = firstLine(text);
    const said = parsed(claims);
    if (typeof said === "object" && said !== null && !Array.isArray(said))
      await signedByProvider(parsed(header), said);
  },
};

/** The provider says anything: it is taken or refused, and never a failure here. */
async function signedByProvider(header: unknown, claims: object): Promise<void> {
  const { logout, event, ended, key } = await scene();
  const members = typeof header === "object" && header !== null ? header : {};
  let token: string;
  try {
    token = await signed(key, claims, { ...members, alg: key.alg, kid: key.kid });
  } catch {
    // What the signer itself refuses to write, such as a header with crit.
    return;
  }
  const [one, other] = [await logout(token), await event(token)];
  assert.match(String(one.status), /^(?:200|400)$/);
  assert.match(String(other.status), /^(?:202|400)$/);
  // No message is both, and what is refused ends nothing.
  assert.ok(one.status === 400 || other.status === 400);
  assert.ok(ended.length <= 1);
  if (one.status === 400 && other.status === 400) assert.deepEqual(ended, []);
  const { iss, aud } = claims as { iss?: unknown; aud?: unknown };
  if (one.status === 200 || other.status === 202) {
    assert.equal(iss, ISSUER);
    assert.ok([aud].flat().includes(CLIENT));
  }
}

let provider: Promise<ProviderKey> | undefined;

interface Scene {
  readonly logout: (token: string) => Promise<Answer>;
  readonly event: (token: string) => Promise<Answer>;
  /** The labels by which sessions were ended. */
  readonly ended: (readonly string[])[];
  readonly key: ProviderKey;
}

async function scene(): Promise<Scene> {
  provider ??= providerKey("ES256", "provider-2");
  const key = await provider;
  const ended: (readonly string[])[] = [];
  const manager: SignalTarget = {
    async revokeWhere(scope: SessionScope) {
      // Throws for a scope that the manager would call a mistake of the application's.
      ended.push(labelsOf(scope));
      assert.ok((ended.at(-1) ?? []).length > 0);
      return 1;
    },
    async once(_key, _ttl, work) {
      await work?.();
      return true;
    },
  };
  const options = {
    issuer: ISSUER,
    audience: CLIENT,
    keys: { keys: [{ ...GENUINE.providerKey }, key.public] },
    clock: { now: () => NOW },
  };
  const [logout, event] = [backChannelLogout(manager, options), sessionRevoked(manager, options)];
  return {
    logout: (token) => asked(logout, FORM, token),
    event: (token) => asked(event, SET, token),
    ended,
    key,
  };
}

async function asked(endpoint: Endpoint, type: string, token: string): Promise<Answer> {
  const ask: Ask = {
    method: "POST",
    url: "/in",
    address: null,
    header: (name) => (name === "content-type" ? type : undefined),
    fields: async () => new Map([["logout_token", token]]),
    text: async () => token,
  };
  const answer = await endpoint(ask, null);
  assert.ok(token.length < 20 || !answer.body.includes(token), "what was sent comes back");
  return answer;
}
