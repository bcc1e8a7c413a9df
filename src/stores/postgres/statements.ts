import { FORMAT_FIELD, RESERVED } from "../../core/record.ts";
import { digest, literal, type Names } from "./names.ts";

/** One SQL statement with the name under which a connection keeps it prepared. */
export interface Statement {
  /** Made of the text, so that one name means one text to whoever shares the connection. */
  readonly name: string;
  readonly text: string;
}

/**
 * Every statement of the store. All parameters are texts and every column comes back as text: how a driver or an
 * application has set up its type conversions makes no difference. Nothing depends on the state of a connection. Functions bear
 * their schema: one of the same name that fits better would be taken from anywhere in `search_path`.
 *
 * The first parameter of each statement that writes is one without which it touches nothing: a call that is given up
 * before it was sent has it set to null.
 */
export interface Statements {
  readonly create: Statement;
  /** Several records at once. */
  readonly creates: Statement;
  readonly read: Statement;
  /** Several ids at once. */
  readonly reads: Statement;
  readonly touch: Statement;
  readonly change: Statement;
  /** Touches and changes of several ids at once. */
  readonly changes: Statement;
  readonly renew: Statement;
  readonly relabel: Statement;
  readonly delete: Statement;
  readonly list: Statement;
  readonly all: Statement;
  readonly revoke: Statement;
  readonly sweep: Statement;
}

/** What is told to other processes: deletions, or changes as well, touches left out. */
export type Told = "nothing" | "deletions" | "changes";

export function statementsFor(names: Names, telling: Told): Statements {
  const notify = telling !== "nothing";
  const also = telling === "changes" ? changeTold(names) : "";
  const texts = {
    create: create(names),
    creates: creates(names),
    read: read(names, "s.id = $1"),
    reads: read(names, `s.id = ANY (${ids("SELECT pg_catalog.unnest($1::text[])")})`),
    touch: update(names, TOUCHED),
    change: update(names, `${CHANGED}, ${TOUCHED}`, rewritten(names), also),
    changes: changes(names, telling),
    renew: update(names, `${CHANGED}, ${RENEWED}`, rewritten(names), also),
    relabel: update(
      names,
      `${CHANGED}, ${RENEWED}, labels = $14::text[]`,
      `${rewritten(names)}${reindexed(names)}`,
      also,
    ),
    delete: remove(names, notify),
    list: list(names),
    all: all(names),
    revoke: revoke(names, notify),
    sweep: sweep(names, notify),
  };
  const statements = Object.entries(texts).map(([kind, text]) => {
    const tidy = text.replace(/\n\s*/g, "\n").trim();
    return [kind, { name: `holdfast_${digest(tidy)}`, text: tidy }];
  });
  return Object.fromEntries(statements) as Statements;
}

const COUNTS = ["epoch", "version", "created_at", "accessed_at", "expires_at", "ends_at"].map(
  (name) => `s.${name}::text`,
);

/**
 * A row for each record, and one for each of its long texts, with the key and the text behind the columns of the record, of which those that
 * may be long are left out. The texts so come as they are: as a value of JSON they are quoted by the server and read by the client, which takes
 * several times as long as all the rest. One statement sees all as of one moment. Most records have no long text, and none is looked for.
 */
function read({ sessions, texts }: Names, where: string): string {
  const ofRecord = (column: string): string => `CASE WHEN t.key IS NULL THEN ${column} END`;
  const labels = ofRecord("pg_catalog.array_to_json(s.labels)::text");
  return `
    SELECT s.id, s.secret_hash, ${labels}, ${COUNTS.join(", ")}, ${ofRecord("s.fields::text")}, t.key, t.text
    FROM ${sessions} s, LATERAL (
      SELECT NULL::text AS key, NULL::text AS text
      UNION ALL SELECT x.key, x.text FROM ${texts} x WHERE s.long AND x.session_id = s.id
    ) t
    WHERE ${where}`;
}

/** The columns that make a record of a listing, with the given expressions for the id, for the fields and for which long texts. */
function record({ texts }: Names, id: string, fields: string, which: string): string {
  // One statement sees the row and its long texts as of one moment. Most rows have none and look for none.
  const long = `SELECT pg_catalog.json_object_agg(t.key, t.text)::text FROM ${texts} t WHERE s.long AND t.session_id = s.id ${which}`;
  return `${id}, s.secret_hash, pg_catalog.array_to_json(s.labels)::text, ${COUNTS.join(", ")}, (${fields})::text, (${long})`;
}

function whole(names: Names): string {
  return record(names, "s.id", "s.fields", "");
}

const SAFE = `BETWEEN ${Number.MIN_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER}`;

/** Whether a row is a record as far as can be told without looking into each field. */
const SOUND = `(pg_catalog.jsonb_typeof(s.fields) = 'object' AND pg_catalog.array_position(s.labels, NULL) IS NULL
  AND s.epoch ${SAFE} AND s.version ${SAFE} AND s.created_at ${SAFE}
  AND s.accessed_at ${SAFE} AND s.expires_at ${SAFE} AND s.ends_at ${SAFE})`;

function create({ sessions, labels, texts }: Names): string {
  return `
    WITH created AS (
      INSERT INTO ${sessions} (id, epoch, version, secret_hash, labels, created_at, accessed_at, expires_at, ends_at, due, fields, long)
      SELECT $1::text, $2::text::bigint, $3::text::bigint, $4::text, $5::text[], $6::text::bigint, $7::text::bigint,
        $8::text::bigint, $9::text::bigint, $8::text::bigint, $10::text::jsonb, $12::text IS NOT NULL
      WHERE $1::text IS NOT NULL
      ON CONFLICT (id) DO NOTHING
      RETURNING id
    ), indexed AS (
      INSERT INTO ${labels} (label, session_id)
      SELECT label, created.id FROM created, pg_catalog.unnest($11::text[]) label
    ), stored AS (
      INSERT INTO ${texts} (session_id, name, key, text)
      SELECT created.id, t.name, t.key, t.text FROM created, ${longTexts("$12::text::json")}
    )
    SELECT 'applied' FROM created`;
}

/**
 * $1 is a list of records, an id at most once. Answers the ids that were free. They are taken in their order, so that two that
 * overlap wait for one another and do not lock each other up.
 */
function creates({ sessions, labels, texts }: Names): string {
  return `
    WITH asked AS MATERIALIZED (
      SELECT * FROM pg_catalog.json_to_recordset($1::text::json) AS w (id text, epoch bigint, version bigint, secret_hash text, labels text[],
        created_at bigint, accessed_at bigint, expires_at bigint, ends_at bigint, fields jsonb, entries text[], long json)
    ), created AS (
      INSERT INTO ${sessions} (id, epoch, version, secret_hash, labels, created_at, accessed_at, expires_at, ends_at, due, fields, long)
      SELECT id, epoch, version, secret_hash, labels, created_at, accessed_at, expires_at, ends_at, expires_at, fields, long IS NOT NULL
      FROM asked ORDER BY id COLLATE "C"
      ON CONFLICT (id) DO NOTHING
      RETURNING id
    ), indexed AS (
      INSERT INTO ${labels} (label, session_id)
      SELECT label, created.id FROM created JOIN asked w ON w.id = created.id, pg_catalog.unnest(w.entries) label
    ), stored AS (
      INSERT INTO ${texts} (session_id, name, key, text)
      SELECT created.id, t.name, t.key, t.text FROM created JOIN asked w ON w.id = created.id, ${longTexts("w.long")}
    )
    SELECT id FROM created`;
}

/** What becomes of an update of the row \`s\`, in the order of the contract; the version may be null. */
function judged(now: string, epoch: string, version: string): string {
  return `CASE
  WHEN s.expires_at <= ${now} OR NOT ${SOUND} THEN 'gone'
  WHEN s.fields ->> '${FORMAT_FIELD}' <> '1' THEN 'newer'
  WHEN s.epoch <> ${epoch} THEN 'stale'
  WHEN s.version <> ${version} THEN 'conflict'
  ELSE 'done' END`;
}

/** $1 id, $2 now, $3 epoch, $4 version or null. */
const JUDGED_UPDATE = judged("$2::text::bigint", "$3::text::bigint", "$4::text::bigint");

/** Only ever later: GREATEST passes over nulls. */
function touched(accessedAt: string, expiresAt: string): string {
  return `accessed_at = greatest(s.accessed_at, ${accessedAt}), expires_at = greatest(s.expires_at, ${expiresAt})`;
}

const TOUCHED = touched("$5::text::bigint", "$6::text::bigint");
const CHANGED = `version = s.version + 1, fields = (s.fields - $7::text[]) || $8::text::jsonb, long = s.long OR $9::text IS NOT NULL`;
const RENEWED = `accessed_at = coalesce($5::text::bigint, s.accessed_at), expires_at = coalesce($6::text::bigint, s.expires_at),
  due = least(s.due, $6::text::bigint), secret_hash = $11::text, epoch = $12::text::bigint, ends_at = coalesce($13::text::bigint, s.ends_at)`;

/**
 * An update that applies only to a row judged \`done\`. Under READ COMMITTED a row that was waited for is judged again as it
 * is by then. When nothing was applied, the second branch judges the row as the statement's snapshot has it; if that
 * says \`done\`, the row changed while it was waited for, and the caller asks again.
 */
function update({ sessions }: Names, assignments: string, also = "", toldToo = ""): string {
  return `
    WITH changed AS (
      UPDATE ${sessions} s SET ${assignments}
      WHERE s.id = $1 AND ${JUDGED_UPDATE} = 'done'
      RETURNING s.id, s.version, s.long
    )${also}
    SELECT 'applied', version::text${toldToo} FROM changed
    UNION ALL
    SELECT ${JUDGED_UPDATE}, NULL${toldToo && ", NULL"} FROM ${sessions} s WHERE s.id = $1 AND NOT EXISTS (SELECT FROM changed)`;
}

/**
 * The ids that a query gives, as an array that the planner knows nothing of: so it takes the same plan for two and for a hundred, by
 * the primary key, and keeps it. A join of a guessed number may become one over the whole table.
 */
function ids(query: string): string {
  return `ARRAY (${query})`;
}

/**
 * $1 is a list of changes, each with the members of {@link ASKED}: an id at most once. Answers for each what \`update\` does, and
 * "done" for what has to be sent alone: rows that changed while this was carried out, and rows that others hold, which are passed
 * over. Since it waits for no row it holds nobody up, and two that overlap cannot lock each other up.
 */
function changes(names: Names, telling: Told): string {
  const { sessions, texts } = names;
  const tells = telling === "changes";
  // A touch is not told.
  const toldToo = tells ? `, CASE WHEN grows THEN ${told(names, true, `'${CHANGE}' || changed.id`)} END` : "";
  const verdict = judged("w.now", "w.epoch", "w.version");
  const asked = ids("SELECT id FROM asked");
  return `
    WITH asked AS MATERIALIZED (
      SELECT * FROM pg_catalog.json_to_recordset($1::text::json) AS w (${ASKED})
    ), held AS MATERIALIZED (
      SELECT s.id FROM ${sessions} s JOIN asked w ON w.id = s.id
      WHERE s.id = ANY (${asked}) AND ${verdict} = 'done'
      ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED
    ), changed AS (
      UPDATE ${sessions} s SET ${touched("w.accessed_at", "w.expires_at")},
        version = CASE WHEN w.fields IS NULL THEN s.version ELSE s.version + 1 END,
        fields = CASE WHEN w.fields IS NULL THEN s.fields ELSE (s.fields - w.removed) || w.fields END,
        long = s.long OR w.long IS NOT NULL
      FROM asked w
      WHERE w.id = s.id AND s.id = ANY (${ids("SELECT id FROM held")}) AND ${verdict} = 'done'
      RETURNING s.id, s.version, w.fields IS NOT NULL AS grows, s.long AND w.fields IS NOT NULL AS forgets, w.overwritten, w.long AS texts
    ), forgotten AS (
      DELETE FROM ${texts} t USING changed
      WHERE changed.forgets AND t.session_id = changed.id AND t.name = ANY (changed.overwritten)
    ), stored AS (
      INSERT INTO ${texts} (session_id, name, key, text)
      SELECT changed.id, t.name, t.key, t.text FROM changed, ${longTexts("changed.texts")}
    )
    SELECT id, 'applied', version::text${toldToo} FROM changed
    UNION ALL
    SELECT w.id, CASE WHEN s.id IS NULL THEN 'gone' ELSE ${verdict} END, NULL${tells ? ", NULL" : ""}
    FROM asked w LEFT JOIN ${sessions} s ON s.id = w.id AND s.id = ANY (${asked})
    WHERE w.id NOT IN (SELECT id FROM changed)`;
}

/** A change without fields is a touch. */
const ASKED = `id text, now bigint, epoch bigint, version bigint, accessed_at bigint, expires_at bigint,
  removed text[], fields jsonb, long json, overwritten text[]`;

/**
 * $9 long texts or null, $10 the names whose texts are written over. What one of these names had is dropped; the row refers by key
 * to the text that is in force, so one which another change added after this statement's snapshot merely stays until its name is
 * written again or the session goes.
 */
function rewritten({ texts }: Names): string {
  return `, forgotten AS (
      DELETE FROM ${texts} t USING changed
      WHERE changed.long AND t.session_id = changed.id AND t.name = ANY ($10::text[])
    ), stored AS (
      INSERT INTO ${texts} (session_id, name, key, text)
      SELECT changed.id, t.name, t.key, t.text FROM changed, ${longTexts("$9::text::json")}
    )`;
}

function longTexts(list: string): string {
  return `pg_catalog.json_to_recordset(${list}) AS t (name text, key text, text text)`;
}

/**
 * $15: the index entries of the new labels. An entry which another renewal added after this statement's snapshot is not seen
 * and stays. It shows nothing, since a listing looks at the record, and goes with the next renewal or with the session.
 */
function reindexed({ labels }: Names): string {
  return `, dropped AS (
      DELETE FROM ${labels} l USING changed
      WHERE l.session_id = changed.id AND l.label <> ALL ($15::text[])
    ), indexed AS (
      INSERT INTO ${labels} (label, session_id)
      SELECT label, changed.id FROM changed, pg_catalog.unnest($15::text[]) label
      ON CONFLICT DO NOTHING
    )`;
}

/** $1 id, $2 version or null, $3 label or null. Judged as an update is. */
function remove(names: Names, notify: boolean): string {
  const judged = `CASE
    WHEN $2::text IS NULL AND $3::text IS NULL THEN 'done'
    WHEN NOT ${SOUND} OR s.version <> $2::text::bigint THEN 'conflict'
    WHEN $3::text IS NOT NULL AND $3::text <> ALL (s.labels) THEN 'conflict'
    ELSE 'done' END`;
  return `
    WITH deleted AS (
      DELETE FROM ${names.sessions} s WHERE s.id = $1 AND ${judged} = 'done' RETURNING s.id
    )
    SELECT 'applied', ${told(names, notify, "deleted.id")} FROM deleted
    UNION ALL
    SELECT ${judged}, NULL FROM ${names.sessions} s WHERE s.id = $1 AND NOT EXISTS (SELECT FROM deleted)`;
}

/** Notifying takes a lock of the whole database at commit, so it is done only where it was asked for. */
function told({ channel }: Names, notify: boolean, id: string): string {
  return notify ? `pg_catalog.pg_notify(${literal(channel)}, ${id})::text` : "NULL";
}

/** What the payload of a change begins with. That of a deletion is the id alone, and who knows of deletions only finds no session of this name. */
export const CHANGE = "~";

/** A column that tells of the row that was changed. */
function changeTold(names: Names): string {
  return `, ${told(names, true, `'${CHANGE}' || changed.id`)}`;
}

/**
 * The beginning of the index entries of $1 after the id $3, one look-up an entry. A query for all of them at once would leave it to
 * the planner's guess of their number whether it reads a page or a million: it sorts what it takes for few.
 */
function entries({ labels }: Names, limit: string): string {
  const next = (after: string): string =>
    `SELECT l.session_id FROM ${labels} l WHERE l.label = $1 AND l.session_id > ${after} ORDER BY l.session_id LIMIT 1`;
  return `entries (session_id, place) AS (
      SELECT first.session_id, 1::bigint FROM (${next("$3")}) first
      UNION ALL
      SELECT following.session_id, entries.place + 1
      FROM entries CROSS JOIN LATERAL (${next("entries.session_id")}) following
      WHERE entries.place < ${limit}
    )`;
}

/** $1 index entry, $2 label, $3 last id seen, $4 limit. The record itself says whether it bears the label: without it, a row of nulls. */
function list(names: Names): string {
  const reserved = `CASE WHEN pg_catalog.jsonb_typeof(s.fields) = 'object' THEN (
      SELECT coalesce(pg_catalog.jsonb_object_agg(f.key, f.value), '{}') FROM pg_catalog.jsonb_each(s.fields) f WHERE pg_catalog.starts_with(f.key, '${RESERVED}')
    ) ELSE s.fields END`;
  const texts = `AND pg_catalog.starts_with(t.name, '${RESERVED}')`;
  return `
    WITH RECURSIVE ${entries(names, "$4::text::bigint")}
    SELECT ${record(names, "entries.session_id", reserved, texts)}
    FROM entries LEFT JOIN ${names.sessions} s ON s.id = entries.session_id AND $2 = ANY (s.labels)
    ORDER BY entries.session_id`;
}

/** How many rows a page has at most, whatever is asked for. */
export const LARGEST_PAGE = 1000;

/**
 * $1 last id seen, $2 limit. The planner guesses that a limit which it does not know is a tenth of everything, and may read it all; so
 * it gets to know one, and stops before it at the one that is asked for.
 */
function all(names: Names): string {
  return `
    SELECT * FROM (
      SELECT ${whole(names)} FROM ${names.sessions} s WHERE s.id > $1 ORDER BY s.id LIMIT ${LARGEST_PAGE + 1}
    ) page ORDER BY id LIMIT $2::text::bigint`;
}

/** How many rows a sweep or a revocation takes hold of at once: it bounds how long others wait for them. */
export const AT_ONCE = 500;

/**
 * $1 index entry, $2 label, $3 last id seen, $4 ids to leave. Answers how many were deleted,
 * how many entries it looked at, and the last of them. Rows are locked in the order of their ids, so that two that overlap
 * wait for one another and do not lock each other up; each is judged again once it is locked.
 */
function revoke(names: Names, notify: boolean): string {
  const { sessions } = names;
  return `
    WITH RECURSIVE ${entries(names, String(AT_ONCE))}, doomed AS MATERIALIZED (
      SELECT s.id FROM entries JOIN ${sessions} s ON s.id = entries.session_id
      WHERE $2 = ANY (s.labels) AND s.id <> ALL ($4::text[])
      ORDER BY s.id FOR UPDATE OF s
    ), deleted AS (
      DELETE FROM ${sessions} s WHERE s.id = ANY (ARRAY (SELECT id FROM doomed)) RETURNING s.id
    ), told AS MATERIALIZED (
      SELECT ${told(names, notify, "deleted.id")} FROM deleted
    )
    SELECT (SELECT pg_catalog.count(*) FROM told)::text, pg_catalog.count(*)::text, pg_catalog.max(session_id) FROM entries`;
}

/**
 * $1 now, $2 how many to look at. Rows are found by \`due\`, which never comes after the expiry and which a touch leaves alone, so
 * that a touch changes no index. What is alive when it is due is due again at its expiry. Rows that others hold are
 * passed over: they are being touched, or swept by somebody else. Answers how many were deleted and looked at.
 */
function sweep(names: Names, notify: boolean): string {
  const { sessions } = names;
  return `
    WITH looked AS MATERIALIZED (
      SELECT * FROM (
        SELECT s.id, s.expires_at FROM ${sessions} s WHERE s.due <= $1::text::bigint
        ORDER BY s.due LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED
      ) due LIMIT $2::text::bigint
    ), deleted AS (
      DELETE FROM ${sessions} s
      WHERE s.id = ANY (ARRAY (SELECT id FROM looked)) AND s.expires_at <= $1::text::bigint RETURNING s.id
    ), moved AS (
      UPDATE ${sessions} s SET due = s.expires_at
      WHERE s.id = ANY (ARRAY (SELECT id FROM looked WHERE expires_at > $1::text::bigint))
    ), told AS MATERIALIZED (
      SELECT ${told(names, notify, "deleted.id")} FROM deleted
    )
    SELECT (SELECT pg_catalog.count(*) FROM told)::text, (SELECT pg_catalog.count(*) FROM looked)::text`;
}
