import { expect, test } from "vitest";
import { Browser, seenIn } from "./support/http-client.ts";
import type { ServerProcess } from "./support/http-cluster.ts";
import { KINDS } from "./support/http-orders.ts";
import { everyCluster } from "./support/http-storm.ts";

const NONE = { create: 0, read: 0, update: 0, delete: 0 };

/** What the store was asked for by one piece of work. */
async function costOf(server: ServerProcess, work: () => Promise<unknown>): Promise<Record<string, number>> {
  await server.order("calls");
  await work();
  return await server.order("calls");
}

everyCluster({ size: 1 }, ({ cluster }) => {
  for (const kind of KINDS) {
    test(`anonymous traffic asks the store nothing and gets no cookie, by ${kind}`, async () => {
      const server = cluster().at(0);
      const cookies = [undefined, "other=1", "__Host-Http-sid=", `__Host-Http-sid=${"x".repeat(55)}!`];
      const setCookies: string[] = [];
      const cost = await costOf(server, async () => {
        for (const cookie of cookies) {
          for (const as of ["plain", "redirect", "flush", "stream"]) {
            const reply = await server.request(kind, `verb=look&as=${as}`, { cookie });
            setCookies.push(...reply.setCookies);
            await reply.body;
          }
        }
      });
      expect({ cost, setCookies }).toEqual({ cost: NONE, setCookies: [] });
    });

    test(`reading costs one read, changing one call more, by ${kind}`, async () => {
      const server = cluster().at(0);
      const browser = new Browser();
      const ask = (query: string) => async (): Promise<void> => {
        const reply = await browser.request(server, kind, query);
        await reply.body;
        expect(reply.status).toBe(200);
      };
      expect(await costOf(server, ask("verb=set&name=a&value=1"))).toEqual({ ...NONE, create: 1 });
      expect(await costOf(server, ask("verb=look"))).toEqual({ ...NONE, read: 1 });
      expect(await costOf(server, ask("verb=look&as=stream"))).toEqual({ ...NONE, read: 1 });
      // The same value again is no change.
      expect(await costOf(server, ask("verb=set&name=a&value=1"))).toEqual({ ...NONE, read: 1 });
      expect(await costOf(server, ask("verb=set&name=a&value=2"))).toEqual({ ...NONE, read: 1, update: 1 });
      expect(await costOf(server, ask("verb=increment&name=n"))).toEqual({ ...NONE, read: 1, update: 1 });
      // One read and one write, and two looks for revocations that came meanwhile.
      expect(await costOf(server, ask("verb=login&value=ann"))).toEqual({ ...NONE, read: 3, update: 1 });
      expect(await costOf(server, ask("verb=logout"))).toEqual({ ...NONE, read: 1, delete: 1 });
      expect(await costOf(server, ask("verb=look"))).toEqual(NONE);
      expect(await costOf(server, ask("verb=login&value=ann"))).toEqual({ ...NONE, create: 1, read: 2 });
    });
  }

  test("of requests that overlap and change nothing, each costs one read", async () => {
    const server = cluster().at(0);
    const browser = new Browser();
    await browser.request(server, "node", "verb=set&name=a&value=1");
    const cost = await costOf(server, async () => {
      const replies = await Promise.all(
        Array.from({ length: 64 }, (_, index) =>
          browser.request(server, KINDS[index % KINDS.length]!, "verb=look&turns=2"),
        ),
      );
      for (const reply of replies) expect((await seenIn(reply)).data).toEqual({ a: "1" });
      expect(replies.flatMap((reply) => reply.setCookies)).toEqual([]);
    });
    expect(cost).toEqual({ ...NONE, read: 64 });
  });
});
