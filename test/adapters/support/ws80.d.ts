declare module "ws80" {
  export { WebSocket, WebSocketServer } from "ws";
}
