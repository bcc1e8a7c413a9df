// Takes the write lock of a database and holds it until told to let go.
import { DatabaseSync } from "node:sqlite";

const [file = ""] = process.argv.slice(2);
const database = new DatabaseSync(file, { timeout: 5000 });
database.exec("BEGIN IMMEDIATE");
process.send?.("held");
process.once("message", () => {
  database.exec("COMMIT");
  database.close();
  process.send?.("released");
  process.disconnect();
});
