export { describeHostProtocol, type HostProtocolOptions, type HostUnderTest } from "./describe-host-protocol.ts";
