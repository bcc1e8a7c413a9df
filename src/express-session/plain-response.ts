import type { ServerResponse } from "node:http";

import type { HeaderSink, Turn } from "./turn.ts";

type Method = (...args: unknown[]) => unknown;
type Plain = Partial<Record<"end" | "setHeader" | "getHeader", Method>>;

/** Does for an object that only looks like a response what the hold does for a response: its end waits until the session is stored. */
export function holdPlainly(response: ServerResponse, turn: Turn): HeaderSink {
  const plain = response as unknown as Plain;
  const { end } = plain;
  let isOver = false;
  if (typeof end === "function")
    plain.end = (...args) => {
      if (isOver) return false;
      isOver = true;
      const work = attempt(turn);
      if (work === undefined) return end.apply(plain, args);
      work.then(
        () => end.apply(plain, args),
        (error: unknown) => {
          const again = turn.reopen(error);
          isOver = again === undefined;
          if (again) again();
          else end.apply(plain, args);
        },
      );
      return plain;
    };
  return { appendHeader: (name, value) => append(plain, name, value) };
}

function attempt(turn: Turn): void | Promise<void> {
  try {
    return turn.start();
  } catch (error) {
    return Promise.reject(error);
  }
}

function append(plain: Plain, name: string, value: unknown): void {
  if (typeof plain.setHeader !== "function") return;
  const present = plain.getHeader?.(name);
  const values = Array.isArray(present) ? (present as unknown[]) : [present];
  plain.setHeader(name, [...values.filter((each) => each !== undefined && each !== null), value]);
}
