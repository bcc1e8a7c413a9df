export default defineEventHandler(() => watched.splice(0));
