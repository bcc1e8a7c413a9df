/** More values of one cookie than these are not looked at. */
const MOST_VALUES = 3;

/** The distinct values of a cookie as the package `cookie` reads them: without quotes, percent signs decoded where they can be. */
export function decodedValues(values: readonly string[]): readonly string[] {
  const distinct = [...new Set(values.map(decoded))].filter((value) => value !== "");
  return distinct.length > MOST_VALUES ? [] : distinct;
}

/** The same as the package `cookies` reads them: without quotes, as they are. */
export function plainValues(values: readonly string[]): readonly string[] {
  const distinct = [...new Set(values.map(unquoted))].filter((value) => value !== "");
  return distinct.length > MOST_VALUES ? [] : distinct;
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1) : value;
}

function decoded(value: string): string {
  const plain = unquoted(value);
  if (!plain.includes("%")) return plain;
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}
