/** What a walk saw, told line by line. */
export class Report {
  #isAllRight = true;

  get isAllRight(): boolean {
    return this.#isAllRight;
  }

  /** Tells whether something is as promised. `seen` is told where it is not. */
  expect(holds: boolean, promise: string, seen?: unknown): void {
    const told = holds || seen === undefined ? "" : ` (seen: ${withoutTokens(JSON.stringify(seen))})`;
    console.log(`${holds ? "  ok  " : " FAIL "} ${promise}${told}`);
    if (!holds) this.fail();
  }

  /** Tells what could not be looked at here, and why. */
  pass(promise: string, reason: string): void {
    console.log(`  --   ${promise} (not looked at: ${reason})`);
  }

  fail(): void {
    this.#isAllRight = false;
  }
}

/** What is printed may be kept, and the store may be another than this walk's own. */
function withoutTokens(text: string): string {
  return text.replace(/=[\w-]{56}(?![\w-])/g, "=…");
}
