import { describeFakeContract } from "./fake-contract.fixture.ts";

describeFakeContract("container", false);
describeFakeContract("remote", false);
