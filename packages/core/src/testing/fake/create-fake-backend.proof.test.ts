import { describeFakeContract } from "./fake-contract.fixture.ts";

describeFakeContract("host", false);
describeFakeContract("container", false);
describeFakeContract("remote", false);
