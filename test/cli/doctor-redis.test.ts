import { afterAll, beforeAll, expect, test } from "vitest";
import { withServers } from "../support/servers/programs.ts";
import { RedisCluster, RedisSentinel, RedisServer } from "../support/servers/redis.ts";
import { examined } from "./examined.ts";
import { begin, ran, run } from "./support.ts";

withServers(["redis"], () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(async () => {
    await server.stop();
  });

  async function set(...settings: string[]): Promise<void> {
    await server.cli("CONFIG", "SET", ...settings);
  }

  test("a server that evicts is an error, with its mend", async () => {
    await set("maxmemory-policy", "allkeys-lru", "maxmemory", "100mb");
    const { code, of, text } = await examined(server.url);
    expect([code, of("maxmemory-policy").severity]).toEqual([1, "error"]);
    expect(text).toMatch(
      /✗ error +maxmemory-policy +allkeys-lru: .*\n +→ CONFIG SET maxmemory-policy noeviction/,
    );
    await set("maxmemory", "0");
    expect((await examined(server.url)).of("maxmemory-policy").severity).toBe("warning");
    await set("maxmemory-policy", "noeviction");
    expect((await examined(server.url)).of("maxmemory-policy").severity).toBe("ok");
  });

  test("a memory that is nearly full is a warning", async () => {
    // As much as it has already.
    const used = /used_memory:(\d+)/.exec(await server.cli("INFO", "memory"))?.[1] ?? "";
    await set("maxmemory", used);
    expect((await examined(server.url)).of("memory").severity).toBe("warning");
    await set("maxmemory", "0");
  });

  test("what a kill and a power cut lose is told by its own settings", async () => {
    await set("appendonly", "no");
    expect((await examined(server.url)).of("appendonly").severity).toBe("warning");
    await set("appendonly", "yes", "appendfsync", "no");
    expect((await examined(server.url)).of("appendfsync").severity).toBe("warning");
    await set("appendfsync", "everysec");
    expect((await examined(server.url)).of("appendfsync").severity).toBe("note");
    await set("appendfsync", "always");
    const { code, findings } = await examined(server.url);
    expect([code, findings.filter(({ severity }) => severity !== "ok")]).toEqual([0, []]);
  });

  test("a replica is an error", async () => {
    const replica = await RedisServer.start({ args: ["--replicaof", "127.0.0.1", String(server.port)] });
    const { code, of } = await examined(replica.url);
    expect([code, of("role").severity]).toEqual([1, "error"]);
    expect(of("rights").severity).toBe("error");
    await replica.stop();
  });

  test("rights of the account are tried, and nothing is left behind", async () => {
    await server.cli(
      "ACL",
      "SETUSER",
      "reader",
      "on",
      ">hunter22",
      "~*",
      "&*",
      "+@read",
      "+@connection",
      "+info",
    );
    const { code, of } = await examined(server.url.replace("redis://", "redis://reader@"), {
      REDISCLI_AUTH: "hunter22",
    });
    expect(code).toBe(1);
    expect(of("rights").finding).toMatch(/create/);
    expect(of("appendfsync")).toMatchObject({
      severity: "note",
      mend: expect.stringContaining("+config") as string,
    });
    expect(await server.cli("DBSIZE")).toBe("0");
  });

  test("the password comes from the environment, and a wrong one is not printed", async () => {
    await server.cli("ACL", "SETUSER", "shop", "on", ">hunter22", "~*", "&*", "+@all");
    const url = server.url.replace("redis://", "redis://shop@");
    const { code, printed } = await ran(["list", url, "--json"], {
      environment: { REDISCLI_AUTH: "hunter22" },
    });
    expect([code, printed.includes("hunter22")]).toEqual([0, false]);
    const wrong = await ran(["list", url, "--timeout", "1s"], {
      environment: { REDISCLI_AUTH: "letmein99" },
    });
    expect(wrong).toMatchObject({ code: 3, printed: "" });
    expect(wrong.complained).not.toContain("letmein99");
  });

  test("a walk over a whole Redis says nothing besides", async () => {
    const ids = await begin(
      server.url,
      Array.from({ length: 20 }, () => ({ user: "42" })),
    );
    const { code, printed, complained } = await ran(["list", server.url]);
    expect([code, complained]).toEqual([0, ""]);
    for (const id of ids) expect(printed).toContain(id);
    expect(await ran(["revoke", "--all", "--yes", server.url])).toMatchObject({ code: 0, complained: "" });
  });

  test(
    "a server that cannot be reached ends the program by 3, and with nothing to wait for",
    { timeout: 60_000 },
    async () => {
      const gone = await RedisServer.start();
      await gone.stop();
      async function isTold(command: string): Promise<void> {
        const { code, printed, complained } = await ran([command, gone.url, "--timeout", "300ms"]);
        expect([command, code, printed]).toEqual([command, 3, ""]);
        expect(complained).toContain(gone.url);
      }
      await Promise.all(["doctor", "list", "stats", "watch"].map(isTold));
    },
  );

  test("every primary of a cluster is looked at", async () => {
    const cluster = await RedisCluster.start();
    const [node] = await cluster.primaries();
    await node?.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", "100mb");
    const [{ host, port } = { host: "", port: 0 }] = cluster.addresses;
    const { code, findings } = await examined(`redis+cluster://${host}:${port}`);
    expect(code).toBe(1);
    const policies = findings.filter(({ check }) => check === "maxmemory-policy");
    expect(policies.map(({ severity }) => severity).sort()).toEqual(["error", "ok", "ok"]);
    expect(policies.find(({ severity }) => severity === "error")?.finding).toContain(
      `127.0.0.1:${node?.port}: `,
    );
    await cluster.stop();
  });

  test("the primary that sentinels name is looked at", async () => {
    const sentinel = await RedisSentinel.start();
    const [{ host, port } = { host: "", port: 0 }] = sentinel.addresses;
    const { of } = await examined(`redis+sentinel://${host}:${port}/${sentinel.name}`);
    expect(of("role").severity).toBe("ok");
    expect(of("replication").severity).toBe("note");
    await sentinel.stop();
  });

  test("another kind of driver answers alike", async () => {
    const { findDriver } = await import("../../src/open-store/driver.ts");
    const { storeAddress } = await import("../../src/open-store/address.ts");
    const { redisFindings } = await import("../../src/cli/doctor/redis.ts");
    const parts = { address: storeAddress(server.url), now: () => Date.now() };
    const { signal } = new AbortController();
    const [redis, ioredis] = await Promise.all(
      (["redis", "ioredis"] as const).map((name) =>
        redisFindings({ ...parts, signal, find: () => findDriver([name]) }),
      ),
    );
    expect(ioredis?.map(({ check, severity }) => [check, severity])).toEqual(
      redis?.map(({ check, severity }) => [check, severity]),
    );
  });

  test("a clock that is apart is told", async () => {
    const { code, printed } = await run(["doctor", server.url, "--json", "--read-only"], {
      now: () => Date.now() + 3_600_000,
    });
    expect(code).toBe(1);
    expect(printed).toMatch(
      /"check": "clock",\n +"finding": "the engine's clock is \d+ ms behind the clock here"/,
    );
  });
});
