import { readdir, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";

const here = new URL("./", import.meta.url);
const page = await readFile(new URL("../../docs/seed.md", here), "utf8");

const names = (await readdir(here)).filter((name) => name.endsWith(".test.ts"));
const sources = await Promise.all(names.map((name) => readFile(new URL(name, here), "utf8")));
const tests = sources.join("\n");

const ROWS = Array.from({ length: 46 }, (_, index) => index + 1);
const DEFECTS = Array.from({ length: 18 }, (_, index) => `D${index + 1}`);

/** Every public name of the seed's manager, session, stores and configuration. */
const NAMES = [
  ..."get_session _get_session_id maintain_session expire_session has_session clear_session start_request".split(
    " ",
  ),
  ..."finish_successful_request finish_failed_request new_session _create_session _make_session_id".split(
    " ",
  ),
  ..."_set_cookie set_session_cookie revoke_session_cookie has_session_cookie __repr__ NullSessionManager".split(
    " ",
  ),
  ..."ACCESS_TIME_RESOLUTION expired_sessions has_info set_user get_user get_remote_address is_dirty".split(
    " ",
  ),
  ..."get_creation_time get_access_time get_creation_age get_access_age _set_access_time __str__ dump".split(
    " ",
  ),
  ..."create_form_token has_form_token remove_form_token MAX_FORM_TOKENS get_csrf_token valid_csrf_token".split(
    " ",
  ),
  ..."DictSession load_session save_session delete_session setup iter_sessions __iter__ delete_old_sessions".split(
    " ",
  ),
  ..."is_multiprocess_safe is_thread_safe transaction_start transaction_commit transaction_abort".split(" "),
  ..."DirectorySessionStore VolatileSessionStore ShelveSessionStore DurusSessionStore MySQLSessionStore".split(
    " ",
  ),
  ..."PostgresSessionStore setup-store.py get_session_manager SESSION_COOKIE_NAME SESSION_COOKIE_DOMAIN".split(
    " ",
  ),
  ..."SESSION_COOKIE_PATH SESSION_COOKIE_SECURE SESSION_COOKIE_HTTPONLY FORM_TOKENS ALLOWED_METHODS".split(
    " ",
  ),
  ..."DISPLAY_EXCEPTIONS CHECK_SESSION_ADDR".split(" "),
];

describe("docs/seed.md", () => {
  test("every row is on the page once, and is tested unless the page says why not", () => {
    for (const row of ROWS) {
      const lines = page.split("\n").filter((line) => line.startsWith(`| ${row} |`));
      expect([row, lines.length]).toEqual([row, 1]);
      const tested = tests.includes(`"row ${row}: `) || tests.includes(`'row ${row}: `);
      expect([row, tested]).toEqual([row, !lines[0]?.includes("No test:")]);
    }
  });

  test("every defect is on the page once, and is tested", () => {
    for (const defect of DEFECTS) {
      const lines = page.split("\n").filter((line) => line.startsWith(`| ${defect} |`));
      expect([defect, lines.length]).toEqual([defect, 1]);
      expect([defect, new RegExp(`["'\`]${defect}: `).test(tests)]).toEqual([defect, true]);
    }
  });

  test("every name of the seed is on the page", () => {
    const missing = NAMES.filter((name) => !page.includes(`\`${name}`));
    expect(missing).toEqual([]);
  });

  test("the recipe on the page is the code that row 42 tries", async () => {
    const [, recipe] = /```ts\n(.*?)```/s.exec(page) ?? [];
    const tried = await readFile(new URL("address-binding.ts", here), "utf8");
    const asPublished = tried
      .replace("../../src/index.ts", "holdfast")
      .replace("../../src/adapters/fetch.ts", "holdfast/adapters/fetch");
    expect(recipe).toBe(asPublished);
  });
});
