import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { IoredisClient, IoredisCluster } from "../../../src/stores/redis/clients.ts";
import { Losses } from "../../../src/stores/redis/losses.ts";

/** What a connection tells of itself. */
class Connection extends EventEmitter {
  status = "connecting";

  begins(): void {
    this.status = "ready";
    this.emit("ready");
  }

  ends(): void {
    this.status = "close";
    this.emit("close");
  }
}

function asClient(connection: Connection): IoredisClient {
  return connection as unknown as IoredisClient;
}

test("a connection that ends without having been ready is no loss, for nothing was under way on it", () => {
  const connection = new Connection();
  const losses = new Losses(asClient(connection), undefined);
  connection.ends();
  expect(losses.count).toBe(0);
  connection.begins();
  connection.ends();
  connection.ends();
  expect(losses.count).toBe(1);
});

test("a connection that was ready before anybody looked is lost when it ends", () => {
  const connection = new Connection();
  connection.status = "ready";
  const losses = new Losses(asClient(connection), undefined);
  connection.ends();
  expect(losses.count).toBe(1);
});

test("a node that a cluster drops before it is ready is no loss: it carried questions about slots alone", () => {
  const cluster = Object.assign(new Connection(), { nodes: () => [] });
  const losses = new Losses(asClient(cluster), cluster as unknown as IoredisCluster);
  const [first, kept] = [new Connection(), new Connection()];
  for (const node of [first, kept]) cluster.emit("+node", node);
  first.begins();
  kept.begins();
  cluster.emit("-node", first);
  first.ends();
  expect(losses.count).toBe(0);
  cluster.begins();
  kept.ends();
  expect(losses.count).toBe(1);
});

test("a node that served is lost although the cluster was lost before it", () => {
  const cluster = Object.assign(new Connection(), { nodes: () => [] });
  const losses = new Losses(asClient(cluster), cluster as unknown as IoredisCluster);
  const node = new Connection();
  cluster.emit("+node", node);
  node.begins();
  cluster.begins();
  cluster.ends();
  const before = losses.count;
  cluster.emit("-node", node);
  expect(losses.count).toBe(before + 1);
});

test("a node that leaves a cluster is lost once, where it was ready", () => {
  const cluster = Object.assign(new Connection(), { nodes: () => [] });
  const losses = new Losses(asClient(cluster), cluster as unknown as IoredisCluster);
  cluster.begins();
  const [used, unused] = [new Connection(), new Connection()];
  for (const node of [used, unused]) cluster.emit("+node", node);
  used.begins();
  for (const node of [used, unused]) {
    cluster.emit("-node", node);
    node.ends();
  }
  expect(losses.count).toBe(1);
});

test("nothing is left on the client and its nodes in the end", () => {
  const cluster = Object.assign(new Connection(), { nodes: () => [] });
  const losses = new Losses(asClient(cluster), cluster as unknown as IoredisCluster);
  const node = new Connection();
  cluster.emit("+node", node);
  losses.close();
  expect([...cluster.eventNames(), ...node.eventNames()]).toEqual([]);
});
