import { sha256 } from "../../core/platform.ts";
import type { SessionId } from "../../core/record.ts";

const ID_LENGTH = 24;

/** Under what a foreign session is stored. */
export interface Identity {
  readonly id: SessionId;
  readonly secretHash: string;
}

/**
 * Derives both from the id that the foreign library gave its client, one way: whoever reads the store cannot make a cookie of what is
 * there, and a stored id that is presented as a cookie is hashed once more and opens nothing.
 *
 * @param sid the foreign library's id, any text. Two texts never share a record.
 * @param prefix keeps the sessions of two applications in one store apart.
 */
export function identityOf(sid: string, prefix: string): Identity {
  // JSON, for it marks where a text ends, and writes halves of surrogate pairs, which UTF-8 would make one and the same.
  const named = JSON.stringify([prefix, sid]);
  return {
    id: sha256(`holdfast bridge id 1 ${named}`).slice(0, ID_LENGTH) as SessionId,
    secretHash: sha256(`holdfast bridge secret 1 ${named}`),
  };
}
