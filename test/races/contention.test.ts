import { expect, test } from "vitest";
import { done, noUnhandledRejections, rig, type Rig, seen, stored, visit } from "./rig.ts";
import { CACHED_TOO, everyStore, type Opener } from "./stores.ts";

noUnhandledRejections();

interface Contest {
  readonly where: Rig;
  readonly cookie: string;
  /** Has another process write to the session in every turn of the event loop, and before each of our first sendings. */
  begin(): void;
  end(): Promise<void>;
}

async function contest(open: Opener, fields: object): Promise<Contest> {
  const store = await open();
  const where = rig({ store });
  const other = rig({ store });
  const cookie = await stored(where, fields);
  let over = false;
  let running: Promise<void> | null = null;
  const write = async (): Promise<void> => {
    await done(other, cookie, (session) => void session.increment("theirs"));
  };
  const writeOn = async (): Promise<void> => {
    while (!over) {
      await write();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    where,
    cookie,
    begin() {
      const beaten = async (work: () => Promise<unknown>): Promise<unknown> => {
        await write();
        return await work();
      };
      where.faulty.next("update", beaten, 4);
      running = writeOn();
    },
    async end() {
      over = true;
      await running;
    },
  };
}

everyStore((open) => {
  test("whoever waited for faster writers starts from what is stored then, and is not beaten for ever", async () => {
    const { where, cookie, begin, end } = await contest(open, { here: 1 });
    const slow = await visit(where, cookie);
    slow.session.increment("mine");
    begin();
    await slow.finish().finally(end);
    expect(await seen(where, cookie)).toMatchObject({ mine: 1 });
  });

  test("so does whoever claims a value", async () => {
    const { where, cookie, begin, end } = await contest(open, { here: 1, state: "once" });
    const slow = await visit(where, cookie);
    begin();
    expect(await slow.session.claim("state").finally(end)).toBe("once");
    expect(await seen(where, cookie)).not.toHaveProperty("state");
  });
}, CACHED_TOO);
