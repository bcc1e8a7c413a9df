import { expectTypeOf } from "vitest";
import { z } from "zod";
import {
  type AnySession,
  currentSession,
  Session,
  type SessionInit,
  SessionManager,
} from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";

interface Shop {
  cart: string[];
}

class ShopSession extends Session<Shop> {
  readonly opened = Date.now();
  override hasInfo(): boolean {
    return (this.data.cart?.length ?? 0) > 0;
  }
  add(item: string): void {
    this.update("cart", (cart = []) => [...cart, item]);
  }
}

const store = memoryStore();

// The manager gives sessions of the class that it was given.
const manager = new SessionManager({ store, sessionClass: ShopSession });
const session = await manager.startRequest(testExchange());
expectTypeOf(session).toEqualTypeOf<ShopSession>();
session.add("tea");
expectTypeOf(session.data.cart).toEqualTypeOf<string[] | undefined>();
expectTypeOf(manager.within(session, () => 5)).toEqualTypeOf<number>();
expectTypeOf(manager.newSession).returns.toEqualTypeOf<ShopSession>();

// Its type can be asked for below the handler.
expectTypeOf(currentSession<ShopSession>()).toEqualTypeOf<ShopSession | null>();

// A class over the data of schemas says which fields are certain.
class Counting extends Session<{ views: number }, "views"> {
  next(): number {
    return this.data.views + 1;
  }
}
const counting = new SessionManager({
  store,
  fields: { views: z.number().default(0) },
  sessionClass: Counting,
});
expectTypeOf((await counting.startRequest(testExchange())).next()).toEqualTypeOf<number>();

// Whatever its data, a session is one.
declare function audit(session: AnySession): void;
audit(session);
audit(new ShopSession({} as never));

class Foreign {
  readonly data = {};
}
// @ts-expect-error no session
void new SessionManager({ store, sessionClass: Foreign });
class Demanding extends Session {
  readonly more: string;
  constructor(init: SessionInit, more: string) {
    super(init);
    this.more = more;
  }
}
// @ts-expect-error needs more than the manager gives
void new SessionManager({ store, sessionClass: Demanding });
