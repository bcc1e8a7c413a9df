import { refuseConfig, SessionError } from "../../core/errors.ts";
import type { Call } from "../../core/store.ts";
import { messageOf } from "./failure.ts";
import type { Transport } from "./transport.ts";

/** What the application says of its engine, to be checked. */
export interface Demands {
  readonly durability: "none" | "process" | "power";
  readonly allowEviction: boolean;
}

/** Asks every primary what it is, and rejects with `ERR_SESSION_CONFIG` when sessions would not be safe there. */
export async function checkServers(transport: Transport, demands: Demands, call: Call): Promise<void> {
  const told = await transport.sendToAll(["INFO"], call).catch((error: unknown) => {
    throw forbidden(error)
      ? new SessionError(
          "ERR_SESSION_CONFIG",
          "The server forbids INFO. Permit it (+info), or set trustServer.",
          {
            cause: error,
          },
        )
      : error;
  });
  for (const info of told) checkInfo(infoOf(info), transport, demands);
  if (demands.durability === "power") await checkSync(transport, call);
}

function checkInfo(info: ReadonlyMap<string, string>, transport: Transport, demands: Demands): void {
  const version = info.get("redis_version") ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 6 || (major === 6 && minor < 2)) {
    refuseConfig(
      `redisStore needs Redis 6.2 or newer, or Valkey; this server is Redis ${version || "of an unknown version"}.`,
    );
  }
  if (info.get("cluster_enabled") === "1" && !transport.cluster) {
    refuseConfig(
      "The server is a node of a cluster. Use createCluster of redis, or Cluster of ioredis or iovalkey.",
    );
  }
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (!demands.allowEviction && policy !== "noeviction" && info.get("maxmemory") !== "0") {
    refuseConfig(
      `The server evicts keys when its memory is full (maxmemory-policy ${policy}): sessions would end, and revocations miss some. Set maxmemory-policy noeviction, or accept it by allowEviction.`,
    );
  }
  if (demands.durability !== "none" && info.get("aof_enabled") !== "1") {
    refuseConfig(
      `durability ${JSON.stringify(demands.durability)} needs a server with appendonly yes; this one loses writes when it is killed.`,
    );
  }
}

async function checkSync(transport: Transport, call: Call): Promise<void> {
  const told = await transport.sendToAll(["CONFIG", "GET", "appendfsync"], call).catch((error: unknown) => {
    throw forbidden(error)
      ? new SessionError(
          "ERR_SESSION_CONFIG",
          "The server forbids CONFIG, so that appendfsync cannot be learned. Permit it (+config|get), or set trustServer.",
          { cause: error },
        )
      : error;
  });
  for (const reply of told) {
    if (
      JSON.stringify(reply instanceof Map ? [...(reply as Map<unknown, unknown>)] : reply).includes(
        '"always"',
      )
    )
      continue;
    refuseConfig(
      'durability "power" needs a server with appendfsync always; by default a power cut loses a second.',
    );
  }
}

/** The server has no such command, renamed it, or does not let this user call it. */
function forbidden(error: unknown): boolean {
  return /^NOPERM|unknown command|unknown subcommand/i.test(messageOf(error));
}

function infoOf(reply: unknown): ReadonlyMap<string, string> {
  const lines = String(reply).split("\r\n");
  return new Map(
    lines
      .filter((line) => line.includes(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
}
