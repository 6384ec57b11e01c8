package host

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"

	"clauderon.dev/guest/internal/frame"
)

const nonceBytes = 32

// Proof is HMAC-SHA256 over `clauderon-host-v1 NUL side NUL client-nonce NUL host-nonce`, hexadecimal.
func Proof(key []byte, side, clientNonce, hostNonce string) string {
	sum := hmac.New(sha256.New, key)
	sum.Write([]byte("clauderon-host-v1\x00" + side + "\x00" + clientNonce + "\x00" + hostNonce))
	return hex.EncodeToString(sum.Sum(nil))
}

func (c *connection) greet() error {
	hello, err := c.expect(frameHello)
	if err != nil {
		return err
	}
	clientNonce, err := readHello(hello)
	if err != nil {
		return err
	}
	bytes := make([]byte, nonceBytes)
	rand.Read(bytes)
	hostNonce := hex.EncodeToString(bytes)
	key := c.host.options.Key
	c.tell(frameChallenge, map[string]any{"protocol": ProtocolVersion, "nonce": hostNonce, "proof": Proof(key, "host", clientNonce, hostNonce)})
	answer, err := c.expect(frameProof)
	if err != nil {
		return err
	}
	var given string
	if !Parameters(answer).read("proof", &given) || !hmac.Equal([]byte(given), []byte(Proof(key, "client", clientNonce, hostNonce))) {
		c.host.options.Log("refused a client that does not know the key")
		return Refuse("authentication.required", "The proof is wrong", "use the key that the sandbox was made with")
	}
	c.tell(frameWelcome, map[string]any{"processId": os.Getpid(), "startedAtMs": c.host.startedAtMs, "limits": limits})
	return nil
}

func readHello(hello map[string]json.RawMessage) (nonce string, err error) {
	var protocols []any
	isSpoken := false
	Parameters(hello).read("protocols", &protocols)
	for _, protocol := range protocols {
		isSpoken = isSpoken || protocol == float64(ProtocolVersion)
	}
	if !isSpoken {
		return "", Refuse("daemon.version-mismatch", "This guest speaks protocol 1", "start the session again, with the guest of this version")
	}
	if !Parameters(hello).read("nonce", &nonce) || !isHex(nonce, nonceBytes) {
		return "", Refuse("authentication.required", "The nonce is not 32 bytes in hexadecimal")
	}
	return nonce, nil
}

func (c *connection) expect(kind byte) (map[string]json.RawMessage, error) {
	got, err := c.read(limits.HandshakeFrameBytes)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, Refuse("operation.timeout", "The handshake took too long")
	}
	if err != nil {
		return nil, err
	}
	if got.Type != kind || got.ID != 0 {
		return nil, Refuse("authentication.required", "The first frame is not a greeting")
	}
	message, err := frame.Object(got.Payload)
	if err != nil {
		return nil, refused(err.Error())
	}
	return message, nil
}

func (c *connection) tell(kind byte, message any) {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	c.send(kind, 0, message)
}

// isHex tells whether the text is so many bytes in lower-case hexadecimal.
func isHex(text string, bytes int) bool {
	if len(text) != 2*bytes {
		return false
	}
	for _, one := range []byte(text) {
		if (one < '0' || one > '9') && (one < 'a' || one > 'f') {
			return false
		}
	}
	return true
}
