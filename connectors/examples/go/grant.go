package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "sharing.example/connector/pb/connector"
)

const (
	grantContext       = "sharing-scan-grant-v1\n"
	payloadBytesMax    = 4 << 20
	lifetimeSecondsMax = 600
	clockSkewSeconds   = 30
	columnsMax         = 1000
	lookupValuesMax    = 1000
	nonceBytes         = 16
)

func refused(code string) error { return status.Error(codes.PermissionDenied, code) }

// loadKeys reads the gateway's public keys, a JWK set (RFC 7517, RFC 8037), by key id.
func loadKeys(path string) (map[string]ed25519.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct{ Kty, Crv, Kid, X string }
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || k.Kty != "OKP" || k.Crv != "Ed25519" || k.Kid == "" || len(x) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%s: a key is no public Ed25519 key with an id", path)
		}
		keys[k.Kid] = x
	}
	return keys, nil
}

// verified returns the grant when the gateway signed it for this department and it is in force.
func (s *server) verified(request *pb.ScanRequest, now int64) (*pb.ScanGrant, error) {
	signed := request.GetGrant()
	key, known := s.keys[signed.GetKeyId()]
	if !known {
		return nil, refused("KEY_UNKNOWN")
	}
	if len(signed.GetPayload()) > payloadBytesMax {
		return nil, refused("MALFORMED")
	}
	if !ed25519.Verify(key, append([]byte(grantContext), signed.GetPayload()...), signed.GetSignature()) {
		return nil, refused("SIGNATURE")
	}
	grant := &pb.ScanGrant{}
	if proto.Unmarshal(signed.GetPayload(), grant) != nil || hasUnknown(grant.ProtoReflect()) || !wellFormed(grant) {
		return nil, refused("MALFORMED")
	}
	switch {
	case grant.GetAudience() != s.department:
		return nil, refused("AUDIENCE")
	case grant.GetExpiresAt()-grant.GetIssuedAt() > lifetimeSecondsMax:
		return nil, refused("LIFETIME")
	case grant.GetIssuedAt() > now+clockSkewSeconds:
		return nil, refused("NOT_YET_VALID")
	case grant.GetExpiresAt() <= now:
		return nil, refused("EXPIRED")
	case len(request.GetNonce()) != nonceBytes:
		return nil, refused("MALFORMED")
	case !s.once.admit(now, grant.GetExpiresAt(), "nonce "+string(request.GetNonce()), "grant "+grant.GetGrantId()):
		return nil, refused("REPLAYED")
	}
	return grant, nil
}

// hasUnknown tells whether a message holds a field that this program does not know, at any depth: it may be a restriction.
func hasUnknown(message protoreflect.Message) bool {
	if len(message.GetUnknown()) > 0 {
		return true
	}
	found := false
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := 0; i < value.List().Len() && !found; i++ {
				found = hasUnknown(value.List().Get(i).Message())
			}
		default:
			found = hasUnknown(value.Message())
		}
		return !found
	})
	return found
}

func wellFormed(grant *pb.ScanGrant) bool {
	for _, id := range []string{grant.GetGrantId(), grant.GetDecisionId(), grant.GetAudience(), grant.GetDataset(), grant.GetPurpose()} {
		if id == "" {
			return false
		}
	}
	issued, expires := grant.GetIssuedAt(), grant.GetExpiresAt()
	if grant.GetRowFilter() == nil || grant.GetRowsMax() < 0 || issued < 0 || issued >= expires {
		return false
	}
	names, pseudonyms := map[string]bool{}, 0
	for _, c := range grant.GetColumns() {
		if names[c.GetName()] || !fits(c.GetAction(), c.GetMask()) {
			return false
		}
		names[c.GetName()] = true
		if c.GetAction() == "pseudonym" {
			pseudonyms = 32
		}
	}
	if len(names) == 0 || len(names) > columnsMax || len(grant.GetPseudonymKey()) != pseudonyms {
		return false
	}
	if !wellFormedPredicate(grant.GetRowFilter()) || grant.PushedFilter != nil && !wellFormedPredicate(grant.GetPushedFilter()) {
		return false
	}
	lookup := grant.GetLookup()
	if lookup == nil {
		return true
	}
	values := len(lookup.GetValues())
	return lookup.GetColumn() != "" && values > 0 && values <= lookupValuesMax && allSet(lookup.GetValues())
}

// fits tells whether a mask belongs to an action that releases values.
func fits(action, mask string) bool {
	switch action {
	case "clear", "null", "pseudonym":
		return mask == ""
	case "partial", "generalise":
		return masksOf[action][mask]
	}
	return false
}

// once remembers what may be used only once, until it expires.
type once struct {
	lock sync.Mutex
	seen map[string]int64
}

func (o *once) admit(now, expires int64, keys ...string) bool {
	o.lock.Lock()
	defer o.lock.Unlock()
	for key, until := range o.seen {
		if until <= now {
			delete(o.seen, key)
		}
	}
	for _, key := range keys {
		if _, seen := o.seen[key]; seen {
			return false
		}
	}
	for _, key := range keys {
		o.seen[key] = expires
	}
	return true
}

func seconds() int64 { return time.Now().Unix() }
