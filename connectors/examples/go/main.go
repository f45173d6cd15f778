// A department's connector in Go over CSV files, by docs/connector-protocol.md alone. It keeps no log and makes no profile, and does
// not implement the masks of addresses: grants that need them are refused.
package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	pb "sharing.example/connector/pb/connector"
	registry "sharing.example/connector/pb/registry"
)

const (
	gatewayHost     = "gateway.sharing.internal"
	messageBytesMax = 5 << 20
	scansMax        = 16
	software        = "example-go 1.0"
)

type server struct {
	pb.UnimplementedConnectorServiceServer
	department string
	instanceID string
	datasets   map[string]*dataset
	keys       map[string]ed25519.PublicKey
	once       once
	running    chan struct{}
	nonces     sync.Map
}

// Describe lists the datasets, and confirms once that a registration is this connector's own.
func (s *server) Describe(_ context.Context, request *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	_, own := s.nonces.LoadAndDelete(string(request.GetRegistrationNonce()))
	answer := &pb.DescribeResponse{Department: s.department, InstanceId: s.instanceID, ConfirmsRegistration: own}
	for name, d := range s.datasets {
		payload := ipc.GetSchemaPayload(d.schema(), memory.DefaultAllocator)
		var schema bytes.Buffer
		if _, err := payload.WritePayload(&schema); err != nil {
			return nil, err
		}
		payload.Release()
		answer.Datasets = append(answer.Datasets, &pb.DatasetDescription{Name: name, ArrowSchema: schema.Bytes(), AsOf: d.asOf})
	}
	sort.Slice(answer.Datasets, func(i, j int) bool { return answer.Datasets[i].Name < answer.Datasets[j].Name })
	return answer, nil
}

// Check always succeeds: the rows are in memory.
func (s *server) Check(context.Context, *pb.CheckRequest) (*pb.CheckResponse, error) {
	return &pb.CheckResponse{}, nil
}

// serverCredentials returns TLS that only the gateway can use.
func serverCredentials(certificate, key, ca string) (credentials.TransportCredentials, error) {
	own, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(text)
	return credentials.NewTLS(&tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{own},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    authorities,
		VerifyConnection: func(state tls.ConnectionState) error {
			if !slices.Contains(state.PeerCertificates[0].DNSNames, gatewayHost) {
				return fmt.Errorf("the caller is not the gateway")
			}
			return nil
		},
	}), nil
}

// register keeps the connector registered: register once, then a heartbeat every third of the lease, anew when one is refused.
func (s *server) register(gateway, endpoint, tokenFile string) {
	connection, err := grpc.NewClient(gateway, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	client, generation, lease := registry.NewRegistryServiceClient(connection), int64(0), 3*time.Second
	for {
		token, err := os.ReadFile(tokenFile)
		if err != nil {
			log.Fatal(err)
		}
		bearer := "Bearer " + strings.TrimSpace(string(token))
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), "authorization", bearer), 20*time.Second)
		if generation == 0 {
			nonce := make([]byte, nonceBytes)
			rand.Read(nonce)
			s.nonces.Store(string(nonce), true)
			var answer *registry.RegisterResponse
			answer, err = client.Register(ctx, &registry.RegisterRequest{
				Endpoint: endpoint, Connector: "main", InstanceId: s.instanceID, Nonce: nonce, Software: software,
			})
			s.nonces.Delete(string(nonce))
			if err == nil {
				generation, lease = answer.GetGeneration(), time.Duration(answer.GetLeaseSeconds())*time.Second
			}
		} else {
			_, err = client.Heartbeat(ctx, &registry.HeartbeatRequest{Connector: "main", InstanceId: s.instanceID, Generation: generation})
		}
		cancel()
		if err != nil {
			log.Print("registration: ", err)
			generation = 0
		}
		time.Sleep(lease / 3)
	}
}

// uuid returns 16 random bytes as a UUID of version 4 (RFC 9562).
func uuid(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func main() {
	department := flag.String("department", "", "department id")
	listen := flag.String("listen", "127.0.0.1:0", "host:port")
	catalogue := flag.String("catalogue", "catalog/entries/datasets", "the catalogue's folder of datasets")
	data := flag.String("data", ".", "folder of <dataset>.csv")
	grantKeys := flag.String("grant-keys", "", "the gateway's public keys, a JWK set")
	certificate := flag.String("certificate", "", "PEM; without it plaintext, on loopback only")
	key := flag.String("key", "", "PEM")
	ca := flag.String("ca", "", "PEM")
	gateway := flag.String("gateway", "", "host:port to register with, on this machine; without it the connector only waits")
	tokenFile := flag.String("token-file", "", "the connector's token")
	flag.Parse()
	keys, err := loadKeys(*grantKeys)
	if err != nil {
		log.Fatal(err)
	}
	datasets, err := loadDatasets(*catalogue, *data, *department)
	if err != nil {
		log.Fatal(err)
	}
	id := make([]byte, 16)
	rand.Read(id)
	s := &server{department: *department, datasets: datasets, keys: keys, once: once{seen: map[string]int64{}},
		running: make(chan struct{}, scansMax), instanceID: uuid(id)}
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(messageBytesMax)}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	if *certificate != "" {
		tlsCredentials, err := serverCredentials(*certificate, *key, *ca)
		if err != nil {
			log.Fatal(err)
		}
		options = append(options, grpc.Creds(tlsCredentials))
	} else if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		log.Fatal("plaintext is for the loopback interface only: give -certificate, -key and -ca")
	}
	served := grpc.NewServer(options...)
	pb.RegisterConnectorServiceServer(served, s)
	fmt.Println("READY", listener.Addr())
	if *gateway != "" {
		go s.register(*gateway, listener.Addr().String(), *tokenFile)
	}
	log.Fatal(served.Serve(listener))
}
