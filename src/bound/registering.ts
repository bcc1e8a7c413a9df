import type { Answer, Ask } from "../endpoint.ts";
import { type AnySession, serializeCookie } from "../index.ts";
import { ended, instructed, unavailable } from "./answers.ts";
import { HEADERS, textOf } from "./headers.ts";
import { boundCookie, instructions } from "./instructions.ts";
import { thumbprintOf } from "./keys.ts";
import type { Keeper } from "./keeper.ts";
import type { ResolvedBound } from "./options.ts";
import { judgeRegistration, type Registration } from "./proof.ts";
import { hashOf, newBindingId, newSecret } from "./secrets.ts";
import { type Binding, cookieUntil, type Kept, newChallenge, type Offer } from "./state.ts";

/** Answers a browser that brings its key. Refuses whatever does not answer the offer of this very session, and leaves the session as it is. */
export async function answerRegistration(
  keeper: Keeper,
  options: ResolvedBound,
  ask: Ask,
  session: AnySession | null,
): Promise<Answer> {
  if (session === null || session.id === null || session.user === null) return ended(401, "no_session");
  const response = textOf((name) => ask.header(name), HEADERS.response);
  if (response.kind === "none") return ended(400, "no_proof");
  const judged =
    response.kind === "bad"
      ? ({ fault: "form" } as const)
      : await judgeRegistration(response.text, options.algorithms);
  const refused = (reason: string, alarming = true): Answer => {
    keeper.tell(session, {
      what: "registration refused",
      alarming,
      address: ask.address,
      details: { reason },
    });
    return ended(400, "registration_refused");
  };
  if (judged.fault !== null) return refused(judged.fault);

  const { proof } = judged;
  const value = newSecret();
  const binding = newBinding(options, newBindingId(session.id), proof, value.hash, keeper.now());
  const claims = claimsOf(ask, proof);
  const thumbprint = await thumbprintOf(proof.key);
  const found: Found = { fault: "challenge", isRace: false, isFederated: false };
  const outcome = await keeper.change(session, (kept, stored) => {
    // Made anew where another request was first: the last look counts.
    Object.assign(found, foundIn(kept, claims, thumbprint, keeper.now()));
    return found.fault === null ? { binding } : stored;
  });
  if (outcome === "gone") return ended(401, "no_session");
  if (outcome === "failed") return unavailable();
  if (found.fault !== null) return refused(found.fault, !found.isRace);

  keeper.tell(session, {
    what: "registered",
    alarming: false,
    address: ask.address,
    details: { algorithm: proof.algorithm, ...(found.isFederated && { federated: true }) },
  });
  // No challenge goes with it: there were browsers that took that for an error. The first refresh asks for one.
  return instructed(instructions(options, binding.id), [
    ["Set-Cookie", serializeCookie(boundCookie(options, value.text))],
  ]);
}

function newBinding(
  options: ResolvedBound,
  id: string,
  { algorithm, key }: Registration,
  hash: string,
  now: number,
): Binding {
  return {
    id,
    algorithm,
    key,
    registeredAt: now,
    provenAt: now,
    cookie: { hash, until: cookieUntil(now, options.lifetimes) },
    previous: null,
    challenge: newChallenge(now, options.lifetimes),
  };
}

type Claims = Pick<Offer, "challenge" | "authorization">;

/** What a browser repeated, as hashes. The authorization comes signed, and from some browsers in a header alone. */
function claimsOf(ask: Ask, { challenge, authorization }: Registration): Claims | null {
  const hash = hashOf(challenge);
  const repeated = authorization ?? ask.header("authorization")?.trim();
  return hash === null
    ? null
    : { challenge: hash, authorization: repeated === undefined ? null : hashOf(repeated) };
}

/** What a registration finds with its session. */
interface Found {
  readonly fault: "challenge" | "provider" | null;
  /** Whether it may be nobody's fault. */
  readonly isRace: boolean;
  readonly isFederated: boolean;
}

/** The challenge first: who cannot answer it learns nothing of the key that is wanted. */
function foundIn(kept: Kept, claims: Claims | null, thumbprint: string, now: number): Found {
  if (kept.kind !== "offer" || !isAnswered(kept, claims, now))
    return { fault: "challenge", isRace: isRecent(kept, now), isFederated: false };
  const { provider } = kept.offer;
  const isWanted = provider === undefined || provider === thumbprint;
  // A browser that has no such key registers none. Whoever comes with another got hold of the offer.
  return { fault: isWanted ? null : "provider", isRace: false, isFederated: provider !== undefined };
}

function isAnswered(kept: Kept, claims: Claims | null, now: number): boolean {
  if (kept.kind !== "offer" || claims === null || now >= kept.offer.until) return false;
  const { challenge, authorization } = kept.offer;
  return claims.challenge === challenge && (authorization === null || claims.authorization === authorization);
}

/** Of two logins at a time, the browser takes up both offers, and the later one alone is there. */
function isRecent(kept: Kept, now: number): boolean {
  if (kept.kind === "binding") return now < kept.binding.registeredAt + RACE_MS;
  return kept.kind === "offer" && now < kept.offer.until;
}

const RACE_MS = 60_000;
