// Header, payload and signature of a JSON web token; services repeat it in their errors.
const TOKEN = /\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,4}/g;

/** A text without secrets: those that are given, and whatever looks like a JSON web token. */
export function redact(text: string, secrets: readonly string[] = []): string {
  const known = secrets.filter((secret) => secret !== '').reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
  return known.replace(TOKEN, '[secret]');
}
