import { type Answer, jsonAnswer } from "../endpoint.ts";
import { challengeHeader } from "./headers.ts";

/** Nobody has a reason to show these in a frame. */
const UNFRAMED: readonly (readonly [string, string])[] = [
  ["Content-Security-Policy", "frame-ancestors 'none'"],
  ["X-Frame-Options", "DENY"],
];

/** Any status from 400 to 499 but 403, 407 and 429 has the browser forget its bound session. */
export function ended(status: 400 | 401 | 405, error: string): Answer {
  const answer = withHeaders(jsonAnswer(status, { error }), UNFRAMED);
  return status === 405 ? withHeaders(answer, [["Allow", "POST"]]) : answer;
}

/** Has the browser sign and come again. */
export function challenged(challenge: string, id: string): Answer {
  return withHeaders(jsonAnswer(403, { error: "proof_required" }), [
    ...UNFRAMED,
    ["Secure-Session-Challenge", challengeHeader(challenge, id)],
  ]);
}

/** Has the browser keep its session and try later. */
export function unavailable(): Answer {
  return withHeaders(jsonAnswer(503, { error: "unavailable" }), UNFRAMED);
}

export function instructed(
  instructions: object,
  headers: readonly (readonly [name: string, value: string])[],
): Answer {
  return withHeaders(jsonAnswer(200, instructions), [...UNFRAMED, ...headers]);
}

function withHeaders(answer: Answer, headers: readonly (readonly [string, string])[]): Answer {
  return { ...answer, headers: [...answer.headers, ...headers] };
}
