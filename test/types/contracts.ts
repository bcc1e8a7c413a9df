import { expectTypeOf } from "vitest";
import {
  type AnyStore,
  type Call,
  type HttpExchange,
  type LabelIndex,
  type RequestHooks,
  type Session,
  type SessionEvents,
  type SessionId,
  SessionError,
  SessionManager,
  NullSessionManager,
  parseSessionId,
  type SessionRecord,
  type SessionStore,
  Token,
  type UpdateOutcome,
} from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";

// The smallest store is four methods and its traits.
const least: SessionStore = {
  traits: { durability: "none", shared: false, expires: false, resends: false },
  create: async () => true,
  read: async () => null,
  update: async () => ({ kind: "gone" }),
  delete: async () => "gone",
};
void new SessionManager({ store: least });
expectTypeOf(least).toExtend<AnyStore>();
expectTypeOf(memoryStore()).toExtend<AnyStore & LabelIndex>();
expectTypeOf(least.update).parameter(2).toEqualTypeOf<Call>();
expectTypeOf(least.update).returns.resolves.toEqualTypeOf<UpdateOutcome>();

// @ts-expect-error an update needs an outcome
const wrong: SessionStore = { ...least, update: async () => undefined };
void wrong;
// @ts-expect-error no traits
void new SessionManager({ store: { ...least, traits: undefined } });

// An id is not any text, so that no text of a client becomes one unseen.
expectTypeOf<string>().not.toExtend<SessionId>();
expectTypeOf(parseSessionId("x")).toEqualTypeOf<SessionId | null>();
expectTypeOf(Token.parse("x")).toEqualTypeOf<Token | null>();
const manager = new SessionManager({ store: least });
// @ts-expect-error any text
void manager.revoke("x");

// A record cannot be changed by whoever is handed one.
declare const record: SessionRecord;
// @ts-expect-error read-only
record.version = 2;
// @ts-expect-error read-only
record.fields["a"] = "1";

// Both managers are what adapters need.
expectTypeOf(manager).toExtend<RequestHooks<Session>>();
expectTypeOf(new NullSessionManager()).toExtend<RequestHooks<Session>>();
expectTypeOf<Parameters<typeof manager.startRequest>[0]>().toEqualTypeOf<HttpExchange>();

// Events are typed by their names.
manager.on("login", (event) => {
  expectTypeOf(event).toEqualTypeOf<SessionEvents["login"]>();
  expectTypeOf(event.user).toEqualTypeOf<string>();
});
// @ts-expect-error an event that is none
manager.on("logon", () => undefined);

// A caught error tells its code after one question.
const caught: unknown = new SessionError("ERR_SESSION_USE", "x");
if (SessionError.is(caught)) expectTypeOf(caught.status).toEqualTypeOf<number>();
// @ts-expect-error a code that is none
void new SessionError("ERR_NOPE", "x");
