import {
  connectRedis,
  DEFAULT_PORT,
  DEFAULT_SENTINEL_PORT,
  hostsOf,
  type RedisConnection,
} from "../../open-store/redis.ts";
import {
  attempted,
  encryptionFinding,
  type Finding,
  isAtLeast,
  ok,
  type Patient,
  skewFinding,
  wrong,
} from "./finding.ts";

/** The column of `CLUSTER NODES` that the slots of a node begin with. */
const SLOTS = 8;

interface Place {
  readonly host: string;
  readonly port: number;
}

/** Looks at every server that holds sessions: the one, the primaries of a cluster, or the primary that sentinels name. */
export async function redisFindings(patient: Patient): Promise<Finding[]> {
  const places = await placesOf(patient);
  const several = places.length > 1;
  const each = await Promise.all(
    places.map((place) =>
      asking(patient, place, async (server) => {
        const findings = await serverFindings(server, patient);
        return several ? findings.map((one) => at(place, one)) : findings;
      }),
    ),
  );
  const { scheme, hosts } = patient.address;
  const encrypted = scheme.startsWith("rediss");
  const mend = "Use rediss:// and set tls-port on the server.";
  return [...each.flat(), encryptionFinding(hosts, encrypted, mend)];
}

function at({ host, port }: Place, finding: Finding): Finding {
  return { ...finding, finding: `${host}:${port}: ${finding.finding}` };
}

async function asking<T>(
  { address, find, signal }: Patient,
  place: Place,
  work: (server: RedisConnection) => Promise<T>,
): Promise<T> {
  const server = await connectRedis(address, place, find);
  // A client that cannot connect goes on trying, and keeps what it was given until then.
  let releasing: Promise<void> | undefined;
  const release = (): Promise<void> => (releasing ??= server.release().catch(() => undefined));
  signal.addEventListener("abort", () => void release(), { once: true });
  try {
    return await work(server);
  } catch (error) {
    // It was let go of by then, which is all that the client knows.
    if (signal.aborted) throw new Error("It does not answer.", { cause: error });
    throw error;
  } finally {
    await release();
  }
}

async function placesOf(patient: Patient): Promise<readonly Place[]> {
  const { address } = patient;
  if (address.scheme.endsWith("+sentinel")) return await primaryBySentinel(patient);
  const named = hostsOf(address, DEFAULT_PORT);
  const [first = { host: "localhost", port: DEFAULT_PORT }] = named;
  if (!address.scheme.endsWith("+cluster")) return [first];
  const nodes = await asking(patient, first, (server) => server.command("CLUSTER", "NODES"));
  return primariesIn(String(nodes));
}

async function primaryBySentinel(patient: Patient): Promise<readonly Place[]> {
  const [first] = hostsOf(patient.address, DEFAULT_SENTINEL_PORT);
  if (first === undefined) return [];
  const { address } = patient;
  // The login is that of the primary.
  const sentinel = { ...patient, address: { ...address, username: "", password: "" } };
  const told = await asking(sentinel, first, (server) =>
    server.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", address.path),
  );
  const [host, port] = Array.isArray(told) ? told : [];
  if (host === undefined) throw new Error(`The sentinels know no primary named ${address.path}.`);
  return [{ host: String(host), port: Number(port) }];
}

/**
 * Lines of `CLUSTER NODES`: id, address, flags, five more, and slots. A primary without slots holds no sessions; a replica is told as one
 * until its node has heard otherwise.
 */
function primariesIn(nodes: string): Place[] {
  return nodes
    .split("\n")
    .map((line) => line.trim().split(" "))
    .filter(([, , flags = ""]) => flags.split(",").includes("master") && !/fail|noaddr/.test(flags))
    .filter((columns) => columns.length > SLOTS)
    .map(([, address = ""]) => {
      const [place = ""] = address.split("@");
      const colon = place.lastIndexOf(":");
      return { host: place.slice(0, colon), port: Number(place.slice(colon + 1)) };
    });
}

async function serverFindings(server: RedisConnection, patient: Patient): Promise<Finding[]> {
  const info = infoOf(await server.command("INFO"));
  return [
    versionFinding(info),
    roleFinding(info),
    evictionFinding(info),
    ...(await memoryFindings(info)),
    ...(await durabilityFindings(server, info)),
    ...replicationFindings(info),
    ...(await attempted(
      "clock",
      () => clockFindings(server, patient),
      "Permit TIME to the account (+time).",
    )),
  ];
}

type Info = ReadonlyMap<string, string>;

function infoOf(reply: unknown): Info {
  const lines = String(reply).split("\r\n");
  const pairs = lines.filter((line) => line.includes(":"));
  return new Map(pairs.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

function versionFinding(info: Info): Finding {
  const valkey = info.get("valkey_version");
  const version = info.get("redis_version") ?? "unknown";
  const name = valkey === undefined ? `Redis ${version}` : `Valkey ${valkey}`;
  return isAtLeast(version, 6, 2)
    ? ok("version", name)
    : wrong("error", "version", `${name} is too old`, "Update to Redis 6.2 or newer, or to Valkey.");
}

function roleFinding(info: Info): Finding {
  if (info.get("role") !== "slave") return ok("role", "this is a primary");
  return wrong(
    "error",
    "role",
    "this is a replica: it lags behind, and shows sessions that have ended",
    `Name the primary, ${info.get("master_host") ?? "of which this is the replica"}, in the URL.`,
  );
}

function evictionFinding(info: Info): Finding {
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (policy === "noeviction")
    return ok("maxmemory-policy", "noeviction: no session is dropped when the memory is full");
  const mend = "CONFIG SET maxmemory-policy noeviction, in redis.conf too.";
  if (info.get("maxmemory") === "0") {
    return wrong(
      "warning",
      "maxmemory-policy",
      `${policy}: as soon as maxmemory is set, sessions end early and revocations miss some`,
      mend,
    );
  }
  return wrong(
    "error",
    "maxmemory-policy",
    `${policy}: when the memory is full sessions end early, and revocations miss some`,
    mend,
  );
}

const NEARLY_FULL = 0.9;

async function memoryFindings(info: Info): Promise<Finding[]> {
  const most = Number(info.get("maxmemory") ?? 0);
  if (most === 0) return [];
  const share = Number(info.get("used_memory") ?? 0) / most;
  const used = `${Math.round(share * 100)} % of maxmemory is used`;
  return [
    share < NEARLY_FULL
      ? ok("memory", used)
      : wrong(
          "warning",
          "memory",
          `${used}: writes fail when it is full`,
          "Raise maxmemory, or shorten the idle limit.",
        ),
  ];
}

async function durabilityFindings(server: RedisConnection, info: Info): Promise<readonly Finding[]> {
  if (info.get("aof_enabled") !== "1") {
    return [
      wrong(
        "warning",
        "appendonly",
        "no: a killed server loses what it wrote since its last snapshot, logouts too",
        'CONFIG SET appendonly yes, in redis.conf too; and say durability: "process" to the store.',
      ),
    ];
  }
  const status = info.get("aof_last_write_status") ?? "ok";
  const failing =
    status === "ok"
      ? []
      : [
          wrong(
            "error",
            "appendonly",
            `the last write to the log failed (${status})`,
            "Look at the server's log and at its disk.",
          ),
        ];
  return [
    ok("appendonly", "yes"),
    ...failing,
    ...(await attempted(
      "appendfsync",
      () => syncFindings(server),
      "Permit CONFIG GET to the account (+config|get), or ask who runs the server.",
    )),
  ];
}

async function syncFindings(server: RedisConnection): Promise<Finding[]> {
  const reply = await server.command("CONFIG", "GET", "appendfsync");
  const [, value = ""] = (Array.isArray(reply) ? reply : Object.entries(reply as object).flat()).map(String);
  if (value === "always") return [ok("appendfsync", "always: a power cut loses nothing acknowledged")];
  const mend =
    "CONFIG SET appendfsync always where a logout must outlive a power cut; it costs a disk sync a write.";
  return value === "no"
    ? [wrong("warning", "appendfsync", "no: a power cut loses up to half a minute, logouts too", mend)]
    : [wrong("note", "appendfsync", `${value}: a power cut loses up to a second, logouts too`, mend)];
}

function replicationFindings(info: Info): Finding[] {
  const replicas = Number(info.get("connected_slaves") ?? 0);
  if (replicas === 0) return [];
  return [
    wrong(
      "note",
      "replication",
      `${replicas} replica${replicas === 1 ? "" : "s"}: a fail-over loses writes that had not arrived, logouts too`,
      "Give the store replicas: 1, which waits for a replica at every write, where that matters.",
    ),
  ];
}

async function clockFindings(server: RedisConnection, { now }: Patient): Promise<Finding[]> {
  const before = now();
  const reply = (await server.command("TIME")) as readonly unknown[] | Date;
  const after = now();
  const engine =
    reply instanceof Date ? reply.getTime() : Number(reply[0]) * 1000 + Math.floor(Number(reply[1]) / 1000);
  return [skewFinding(engine, before, after)];
}
