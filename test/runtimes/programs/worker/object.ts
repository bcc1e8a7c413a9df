import { SessionObject, type SessionObjectState } from "../../../../src/stores/durable-objects.ts";

const RECORD = "record";

type Stored = { readonly record: object };

/** Ways to spoil what an object keeps. */
const WAYS: Readonly<Record<string, (stored: Stored) => unknown>> = {
  "that is a text": () => "not ours",
  "that is a number": () => 7,
  "without a record": () => ({ entries: [] }),
  "whose record lost its labels": ({ record }) => ({ record: { ...record, labels: undefined }, entries: [] }),
  "whose version is past all numbers": ({ record }) => ({
    record: { ...record, version: 2 ** 60 },
    entries: "none",
    alarmAt: "never",
  }),
  "whose fields are a list": ({ record }) => ({ record: { ...record, fields: [] }, entries: null }),
};

export const WAYS_TO_SPOIL: readonly string[] = Object.keys(WAYS);

/** The object as users export it, which the tests can spoil behind the store's back, whose alarm they can ring, and all of which they can read. */
export class TriedObject extends SessionObject {
  readonly #storage: SessionObjectState["storage"];

  constructor(state: SessionObjectState, env: unknown) {
    super(state, env);
    this.#storage = state.storage;
  }

  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case "/~spoil":
        this.#storage.kv.put(
          RECORD,
          WAYS[searchParams.get("way") ?? ""]?.(this.#storage.kv.get(RECORD) as Stored),
        );
        return new Response("spoilt");
      case "/~alarm":
        await this.alarm();
        return new Response("rung");
      case "/~look":
        return Response.json({
          keys: [...this.#storage.kv.list({ prefix: "" })].map(([key]) => key),
          alarm: await this.#storage.getAlarm(),
        });
      case "/~hold":
        return Response.json([...this.#storage.kv.list({ prefix: "" })]);
      default:
        return await super.fetch(request);
    }
  }
}
