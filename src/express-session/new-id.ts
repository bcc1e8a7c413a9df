import { randomText } from "../core/platform.ts";

/** 24 random bytes, 32 characters: as long as express-session makes them. */
export function newId(): string {
  return randomText(24);
}
