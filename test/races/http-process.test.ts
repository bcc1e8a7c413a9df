import { expect, test } from "vitest";
import { Browser, seenIn } from "./support/http-client.ts";
import { anyDoor, everyCluster, overlapping, Tally } from "./support/http-storm.ts";

everyCluster({}, ({ cluster: servers, say, random }) => {
  test("a process that closed its servers, its manager and its store ends by itself", async () => {
    const cluster = servers();
    const browser = new Browser();
    await browser.request(cluster.at(0), "node", "verb=set&name=a&value=1");
    const tally = new Tally();
    await overlapping(40, 8, async () => {
      const { server, kind } = anyDoor(cluster, random);
      const reply = await browser.request(cluster.at(server), kind, "verb=increment&name=n");
      tally.note(server, reply);
      await reply.body;
    });
    const seen = await seenIn(await browser.request(cluster.at(0), "node", "verb=look"));
    say(String(tally));
    expect(seen.data).toEqual({ a: "1", n: tally.of(200) });
    await cluster.stop();
  });
});
