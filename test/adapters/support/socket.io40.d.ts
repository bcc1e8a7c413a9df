declare module "socket.io40" {
  export { Server } from "socket.io";
}
