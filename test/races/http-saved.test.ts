import { expect, test } from "vitest";
import { Browser, seenIn } from "./support/http-client.ts";
import { anyDoor, everyCluster, overlapping, SOAK } from "./support/http-storm.ts";

const WAYS = ["plain", "redirect", "flush", "stream"];

everyCluster({}, ({ cluster: servers, random }) => {
  test("what a response acknowledges with its head, the next request sees, whatever process it meets", async () => {
    const cluster = servers();
    const wrong: string[] = [];
    await overlapping(8, 8, async (lane) => {
      const browser = new Browser();
      let count = 0;
      for (let step = 0; step < 40 * SOAK; step += 1) {
        const ends = step % 10 === 9;
        const writer = anyDoor(cluster, random);
        const reader = { ...anyDoor(cluster, random), server: writer.server + 1 + random.below(2) };
        const as = random.pick(WAYS);
        const query = ends
          ? `verb=logout&as=${as}`
          : `verb=increment&name=n&as=${as}&turns=${random.below(3)}`;
        const before = browser.cookie;
        // Resolves with the head: the body may still be on its way.
        const written = await browser.request(cluster.at(writer.server), writer.kind, query);
        count = ends ? 0 : count + 1;
        const cookie = ends ? before : browser.cookie;
        const read = await cluster.at(reader.server).request(reader.kind, "verb=look", { cookie });
        const seen = await seenIn(read);
        const found = Number(seen.data["n"] ?? 0);
        if (written.status >= 400 || found !== count || seen.isNew !== ends)
          wrong.push(`lane ${lane}, ${writer.kind}, ${as}: ${written.status}, ${found} instead of ${count}`);
        await written.body;
      }
    });
    expect(wrong).toEqual([]);
  });

  test("a change after the head of a stream is there when the stream has ended, on Node", async () => {
    const cluster = servers();
    for (const kind of ["express", "node", "http2"] as const) {
      const browser = new Browser();
      await browser.request(cluster.at(0), "node", "verb=set&name=a&value=1");
      const reply = await browser.request(cluster.at(0), kind, "verb=set&name=b&value=2&as=stream&late=c");
      await reply.body;
      const seen = await seenIn(await browser.request(cluster.at(1), "node", "verb=look"));
      expect(seen.data).toEqual({ a: "1", b: "2", c: "late" });
    }
  });
});
