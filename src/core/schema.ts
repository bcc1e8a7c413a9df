import { SessionError } from "./errors.ts";

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

/** The names whose schema turns "absent" into a value: only these are certain to be there. */
export type CertainOf<Schemas> = {
  [Name in keyof Schemas]: undefined extends InputOf<Schemas[Name]>
    ? undefined extends OutputOf<Schemas[Name]>
      ? never
      : Name
    : never;
}[keyof Schemas];

export type Validated = { readonly valid: true; readonly value: unknown } | { readonly valid: false };

/** Runs a schema over a value, `undefined` for an absent field. A schema that throws says "invalid". */
export function validate(schema: FieldSchema, value: unknown): Validated {
  let result: ReturnType<FieldSchema["~standard"]["validate"]>;
  try {
    result = schema["~standard"].validate(value);
  } catch {
    return { valid: false };
  }
  if (result instanceof Promise) {
    // Asked for its answer at construction already; here it can only have changed its mind.
    result.catch(() => undefined);
    return { valid: false };
  }
  return result.issues === undefined ? { valid: true, value: result.value } : { valid: false };
}

/**
 * Checks the schemas of a manager's options.
 *
 * @throws `ERR_SESSION_CONFIG` for what is not a Standard Schema, and for one that validates asynchronously.
 */
export function checkSchemas(schemas: FieldSchemas): void {
  for (const [name, schema] of Object.entries(schemas)) {
    if (typeof schema?.["~standard"]?.validate !== "function") {
      throw new SessionError(
        "ERR_SESSION_CONFIG",
        `fields.${name} is not a Standard Schema. Give a schema of zod, valibot, arktype or the like.`,
      );
    }
    if (!isAsynchronous(schema)) continue;
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `fields.${name} validates asynchronously. Give a synchronous schema: fields are checked as they are read.`,
    );
  }
}

function isAsynchronous(schema: FieldSchema): boolean {
  try {
    const result = schema["~standard"].validate(undefined);
    if (!(result instanceof Promise)) return false;
    result.catch(() => undefined);
    return true;
  } catch {
    return false;
  }
}
