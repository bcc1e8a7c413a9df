/** Changes the session of whoever asks. */
export default defineEventHandler((event) => ({ api: sessions.of(event).increment("api") }));
