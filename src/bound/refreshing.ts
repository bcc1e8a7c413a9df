import type { Answer, Ask } from "../endpoint.ts";
import { type AnySession, parseSessionId, serializeCookie } from "../index.ts";
import { challenged, ended, instructed, unavailable } from "./answers.ts";
import { challengeHeader, HEADERS, type Text, textOf } from "./headers.ts";
import { boundCookie, instructions } from "./instructions.ts";
import type { Keeper } from "./keeper.ts";
import type { ResolvedBound } from "./options.ts";
import { judgeRefresh, type ProofFault } from "./proof.ts";
import { newSecret } from "./secrets.ts";
import { answers, type Binding, isWorthAnswering, keptOf, newChallenge, renewed } from "./state.ts";

/** Answers a browser whose bound cookie ran out, or is about to. Changes nothing without a good proof. */
export class Refreshing {
  readonly #keeper: Keeper;
  readonly #options: ResolvedBound;

  constructor(keeper: Keeper, options: ResolvedBound) {
    this.#keeper = keeper;
    this.#options = options;
  }

  async answer(ask: Ask, session: AnySession | null): Promise<Answer> {
    const named = textOf((name) => ask.header(name), HEADERS.id);
    // No page can have a browser send this header, so it keeps strangers' forms out as well.
    if (named.kind !== "text") return ended(400, "no_session_id");
    if (session === null || session.id === null) return await this.#withoutSession(named.text);

    const kept = this.#keeper.of(session);
    if (kept.kind === "corrupt") return await this.#distrusted(ask, session, null, "corrupt");
    if (kept.kind !== "binding" || kept.binding.id !== named.text) return ended(401, "unknown_session");
    const response = textOf((name) => ask.header(name), HEADERS.response);
    return await this.#judged(ask, session, kept.binding, response);
  }

  /**
   * The cookie opens nothing, or nothing any more. Where the browser's session is there all the same, its secret was renewed a moment ago,
   * and the answer that brings the new one is on its way: the browser is to come again. Nothing is changed for who has shown nothing.
   */
  async #withoutSession(id: string): Promise<Answer> {
    const session = parseSessionId(id.split(".")[0] ?? "");
    const kept = keptOf(session === null ? undefined : await this.#keeper.host.peek(session));
    if (kept.kind !== "binding" || kept.binding.id !== id) return ended(401, "unknown_session");
    return challenged(kept.binding.challenge.text, id);
  }

  async #judged(ask: Ask, session: AnySession, binding: Binding, response: Text): Promise<Answer> {
    if (response.kind === "none") return await this.#challenged(session, binding.id);
    const judged =
      response.kind === "bad" ? ({ fault: "form" } as const) : await judgeRefresh(response.text, binding);
    if (judged.fault === "claims") return await this.#challenged(session, binding.id);
    if (judged.fault !== null) return await this.#distrusted(ask, session, binding, judged.fault);
    return await this.#proven(ask, session, binding.id, judged.proof.challenge);
  }

  async #proven(ask: Ask, session: AnySession, id: string, answered: string): Promise<Answer> {
    const { lifetimes } = this.#options;
    const value = newSecret();
    const next = newChallenge(this.#keeper.now(), lifetimes);
    let isNew = false;
    const outcome = await this.#keeper.change(session, (kept, stored) => {
      const now = this.#keeper.now();
      isNew = kept.kind === "binding" && kept.binding.id === id && answers(answered, kept.binding, now);
      if (!isNew || kept.kind !== "binding") return stored;
      return { binding: renewed(kept.binding, value.hash, next, now, lifetimes) };
    });
    if (outcome === "gone") return await this.#withoutSession(id);
    if (outcome === "failed") return unavailable();
    // The device's own key signed it: a parallel refresh was first, or the browser did not get the answer to an earlier one.
    if (!isNew) return await this.#challenged(session, id);

    this.#keeper.tell(session, { what: "refreshed", alarming: false, address: ask.address });
    return instructed(instructions(this.#options, id), [
      ["Set-Cookie", serializeCookie(boundCookie(this.#options, value.text))],
      ["Secure-Session-Challenge", challengeHeader(next.text, id)],
    ]);
  }

  /** Gives the challenge that is open, so that parallel requests get the same one, or another where that is about to run out. */
  async #challenged(session: AnySession, id: string): Promise<Answer> {
    const now = this.#keeper.now();
    const next = newChallenge(now, this.#options.lifetimes);
    const outcome = await this.#keeper.change(session, (kept, stored) => {
      if (kept.kind !== "binding" || kept.binding.id !== id || isWorthAnswering(kept.binding, now))
        return stored;
      return { binding: { ...kept.binding, challenge: next } };
    });
    if (outcome === "failed") return unavailable();
    if (outcome === "gone") return await this.#withoutSession(id);
    const kept = this.#keeper.of(session);
    if (kept.kind !== "binding" || kept.binding.id !== id) return ended(401, "unknown_session");
    return challenged(kept.binding.challenge.text, id);
  }

  /** Somebody has the session's cookie and not its key, or nobody can tell any more what its key is. */
  async #distrusted(
    ask: Ask,
    session: AnySession,
    binding: Binding | null,
    reason: ProofFault | "corrupt",
  ): Promise<Answer> {
    const enforced = this.#options.enforce === "require";
    this.#keeper.tell(session, {
      what: binding === null ? "binding corrupt" : "proof refused",
      alarming: true,
      address: ask.address,
      details: { reason, enforced },
    });
    if (enforced && session.id !== null) await this.#keeper.host.revoke(session.id);
    if (enforced || binding === null) return ended(401, "unknown_session");
    return await this.#challenged(session, binding.id);
  }
}
