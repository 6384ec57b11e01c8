export { describeHostProtocol, type HostProtocolOptions, type HostUnderTest } from "./describe-host-protocol.ts";
export { ProtocolPeer } from "./protocol-peer.ts";
