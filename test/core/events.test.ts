import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, test } from "vitest";
import { Events } from "../../src/core/events.ts";
import { Token } from "../../src/index.ts";

const { id } = Token.mint();

test("each listener of an event's name is called with it, in the order they came", () => {
  const events = new Events();
  const seen: string[] = [];
  events.on("expired", (event) => seen.push(`one ${event.id}`));
  events.on("expired", (event) => seen.push(`two ${event.id}`));
  events.on("theft", () => seen.push("theft"));
  events.emit("expired", { id, user: null, address: null });
  expect(seen).toEqual([`one ${id}`, `two ${id}`]);
});

test("a listener stops by what on returned, also from within, and once is enough", () => {
  const events = new Events();
  let count = 0;
  const stop = events.on("expired", () => {
    count += 1;
    stop();
  });
  events.emit("expired", { id, user: null, address: null });
  events.emit("expired", { id, user: null, address: null });
  stop();
  expect(count).toBe(1);
});

test("a listener that throws or rejects breaks nothing, and is told of", async () => {
  const events = new Events();
  const failures: unknown[] = [];
  let reached = false;
  events.on("listenerFailure", ({ event, error }) => failures.push([event, String(error)]));
  events.on("expired", () => {
    throw new Error("thrown");
  });
  const rejecting = (): Promise<never> => Promise.reject(new Error("rejected"));
  // oxlint-disable-next-line typescript/no-misused-promises -- what a listener must not be, and sometimes is
  events.on("expired", rejecting);
  events.on("expired", () => {
    reached = true;
  });
  events.emit("expired", { id, user: null, address: null });
  await Promise.resolve();
  await Promise.resolve();
  expect(reached).toBe(true);
  expect(failures).toEqual([
    ["expired", "Error: thrown"],
    ["expired", "Error: rejected"],
  ]);
});

test("a listener of listenerFailure that throws is not told of for ever", () => {
  const events = new Events();
  let calls = 0;
  events.on("listenerFailure", () => {
    calls += 1;
    throw new Error("again");
  });
  events.on("expired", () => {
    throw new Error("first");
  });
  events.emit("expired", { id, user: null, address: null });
  expect(calls).toBe(1);
});

test("a listener that a listener adds hears the next event, not this one for ever", () => {
  const events = new Events();
  let calls = 0;
  const again = (): void => {
    calls += 1;
    if (calls < 50) events.on("expired", () => again());
  };
  events.on("expired", again);
  events.emit("expired", { id, user: null, address: null });
  expect(calls).toBe(1);
});

test("the same event is on the diagnostics channel of its name", () => {
  const events = new Events();
  const seen: unknown[] = [];
  const listener = (message: unknown): void => void seen.push(message);
  subscribe("holdfast:expired", listener);
  try {
    const event = { id, user: null, address: null };
    events.emit("expired", event);
    expect(seen[0]).toBe(event);
  } finally {
    unsubscribe("holdfast:expired", listener);
  }
  events.emit("expired", { id, user: null, address: null });
  expect(seen).toHaveLength(1);
});
