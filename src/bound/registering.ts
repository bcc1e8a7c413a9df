import type { Answer, Ask } from "../endpoint.ts";
import { type AnySession, serializeCookie } from "../index.ts";
import { ended, instructed, unavailable } from "./answers.ts";
import { HEADERS, textOf } from "./headers.ts";
import { boundCookie, instructions } from "./instructions.ts";
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
  let isAnswer = false;
  let isRace = false;
  const outcome = await keeper.change(session, (kept, stored) => {
    isAnswer = isAnswered(kept, claims, keeper.now());
    isRace = isRecent(kept, keeper.now());
    return isAnswer ? { binding } : stored;
  });
  if (outcome === "gone") return ended(401, "no_session");
  if (outcome === "failed") return unavailable();
  if (!isAnswer) return refused("challenge", !isRace);

  keeper.tell(session, {
    what: "registered",
    alarming: false,
    address: ask.address,
    details: { algorithm: proof.algorithm },
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
