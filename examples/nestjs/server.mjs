/** Starts the shop as `npm run build` has built it: `npm start`, with `PORT` and `--store` as in `examples/shop`, and `PLATFORM=fastify`. */
import "./dist/nestjs/src/main.js";
