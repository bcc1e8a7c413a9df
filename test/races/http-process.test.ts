import { expect, test } from "vitest";
import { Browser, seenIn } from "./support/http-client.ts";
import { anyDoor, everyCluster, overlapping } from "./support/http-storm.ts";

everyCluster({}, ({ cluster: servers, random }) => {
  test("a process that closed its servers, its manager and its store ends by itself", async () => {
    const cluster = servers();
    const browser = new Browser();
    await browser.request(cluster.at(0), "node", "verb=set&name=a&value=1");
    await overlapping(40, 8, async () => {
      const { server, kind } = anyDoor(cluster, random);
      const reply = await browser.request(cluster.at(server), kind, "verb=increment&name=n");
      await reply.body;
    });
    const seen = await seenIn(await browser.request(cluster.at(0), "node", "verb=look"));
    expect(seen.data).toEqual({ a: "1", n: 40 });
    await cluster.stop();
  });
});
