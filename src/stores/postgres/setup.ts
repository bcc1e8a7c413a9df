import { SessionError } from "../../core/errors.ts";
import type { Call, StoreTraits } from "../../core/store.ts";
import { codeOf } from "./failure.ts";
import type { Names } from "./names.ts";
import {
  type Found,
  judgeRelations,
  judgeSettings,
  RELATIONS,
  relationsOf,
  SETTINGS,
  setupScript,
} from "./schema.ts";
import type { Sender } from "./sender.ts";
import { arrayOf } from "./values.ts";

/**
 * Creates what is missing and changes nothing that is there. Where all is there it only reads the catalogue, so a role that may
 * not create anything will do. Throws `ERR_SESSION_CONFIG` and `ERR_SESSION_FORMAT` as the judgements of `schema.ts` do.
 */
export async function setUp(
  sender: Sender,
  names: Names,
  durability: StoreTraits["durability"],
  call: Call,
): Promise<void> {
  const [settings] = await sender.send(SETTINGS, [""], call);
  judgeSettings(settings ?? [], durability);
  const before = await look(sender, names, call);
  if (before.complete) return;
  try {
    await sender.script(setupScript(names, { schema: !before.schema }), call);
  } catch (error) {
    if (codeOf(error) !== "42501") throw error;
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `This role may not create ${names.sessions}. Run setup() once as a role that may, or grant it CREATE on the schema, or set the option schema to one that it owns.`,
      { cause: error },
    );
  }
  if ((await look(sender, names, call)).complete) return;
  throw new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    `The tables of ${names.sessions} were made and are not all there: somebody drops them, or the connection goes to a replica that lags behind.`,
  );
}

async function look(sender: Sender, names: Names, call: Call): Promise<Found> {
  const rows = await sender.send(RELATIONS, [names.schema, arrayOf(relationsOf(names))], call);
  return judgeRelations(rows, names);
}
