import { SessionError } from "./errors.ts";
import { nameProblem } from "./fields.ts";

/** The part of Standard Schema v1 that is called here (https://standardschema.dev): zod, valibot, arktype and others have it. */
export interface FieldSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly unknown[] };

/** One schema per field. A field without one is not checked. */
// oxlint-disable-next-line typescript/no-explicit-any -- the only type that every schema is assignable to
export type FieldSchemas = Readonly<Record<string, FieldSchema<any, any>>>;

type InputOf<S> = S extends FieldSchema<infer Input, unknown> ? Input : never;
type OutputOf<S> = S extends FieldSchema<never, infer Output> | FieldSchema<infer _, infer Output>
  ? Output
  : never;

/** The data that a set of schemas describes. */
export type DataOf<Schemas> = { -readonly [Name in keyof Schemas]: OutputOf<Schemas[Name]> };

/**
 * The names whose schema turns "absent" into a value: only these are certain to be there. One that says it takes anything
 * (`z.preprocess`, `z.coerce`) does not say what it makes of "absent", and so is none of them.
 */
export type CertainOf<Schemas> = {
  [Name in keyof Schemas]: unknown extends InputOf<Schemas[Name]>
    ? never
    : undefined extends InputOf<Schemas[Name]>
      ? undefined extends OutputOf<Schemas[Name]>
        ? never
        : Name
      : never;
}[keyof Schemas];

export type Validated = { readonly valid: true; readonly value: unknown } | { readonly valid: false };

/**
 * Runs a schema over the value of a field, `undefined` for an absent one. A schema that throws says "invalid".
 *
 * @throws `ERR_SESSION_CONFIG` when it answers with a promise: construction asks each schema, but one that is asynchronous
 * only for some values shows it here, and to call its field absent would lose what is stored.
 */
export function validate(name: string, schema: FieldSchema, value: unknown): Validated {
  let result: unknown;
  try {
    result = schema["~standard"].validate(value);
  } catch {
    return { valid: false };
  }
  if (isPromise(result)) throw asynchronous(name);
  if (typeof result !== "object" || result === null) return { valid: false };
  const { issues, value: output } = result as { readonly issues?: unknown; readonly value?: unknown };
  return issues === undefined ? { valid: true, value: output } : { valid: false };
}

/**
 * Checks the schemas of a manager's options.
 *
 * @throws `ERR_SESSION_CONFIG` for what is not a Standard Schema, and for one that validates asynchronously.
 */
export function checkSchemas(schemas: FieldSchemas): void {
  for (const [name, schema] of Object.entries(schemas)) {
    checkSchemaName(name);
    if (typeof schema?.["~standard"]?.validate !== "function") {
      throw new SessionError(
        "ERR_SESSION_CONFIG",
        `fields.${name} is not a Standard Schema. Give a schema of zod, valibot, arktype or the like.`,
      );
    }
    if (isAsynchronous(schema)) throw asynchronous(name);
  }
}

function checkSchemaName(name: string): void {
  const problem = nameProblem(name);
  if (problem === null) return;
  throw new SessionError("ERR_SESSION_CONFIG", `fields.${name}: the name of a field ${problem}.`);
}

/** Values that get far enough into most schemas to meet what is asynchronous in them. */
const PROBES: readonly unknown[] = [undefined, null, "", 0, false, {}, []];

function isAsynchronous(schema: FieldSchema): boolean {
  return PROBES.some((probe) => {
    try {
      return isPromise(schema["~standard"].validate(probe));
    } catch {
      return false;
    }
  });
}

/** Tells whether an answer is a promise, of any make, and sees to it that nobody misses its rejection. */
function isPromise(answer: unknown): boolean {
  if (typeof (answer as { then?: unknown } | null | undefined)?.then !== "function") return false;
  Promise.resolve(answer).catch(() => undefined);
  return true;
}

function asynchronous(name: string): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    `fields.${name} validates asynchronously. Give a synchronous schema: fields are checked as they are read.`,
  );
}
