// An agent with opamp-go's client: opamp URL SERVICE [gzip]. It applies each configuration, by
// saying so and by reporting it as its effective configuration.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/client"
	"github.com/open-telemetry/opamp-go/client/types"
	pb "github.com/open-telemetry/opamp-go/protobufs"
)

type quiet struct{}

func (quiet) Debugf(context.Context, string, ...any) {}
func (quiet) Errorf(_ context.Context, form string, values ...any) {
	println("opamp-go:", form, len(values))
}

func main() {
	url, service := os.Args[1], os.Args[2]
	var agent client.OpAMPClient = client.NewHTTP(quiet{})
	if strings.HasPrefix(url, "ws") {
		agent = client.NewWebSocket(quiet{})
	}
	effective := []byte(`{"sampling_rate":"1.0"}`)
	config := func(context.Context) (*pb.EffectiveConfig, error) {
		file := &pb.AgentConfigFile{Body: effective, ContentType: "application/json"}
		files := map[string]*pb.AgentConfigFile{"elastic": file}
		return &pb.EffectiveConfig{ConfigMap: &pb.AgentConfigMap{ConfigMap: files}}, nil
	}
	apply := func(ctx context.Context, message *types.MessageData) {
		remote := message.RemoteConfig
		if remote == nil {
			return
		}
		effective = remote.Config.ConfigMap["elastic"].Body
		status := pb.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED
		must(agent.SetRemoteConfigStatus(&pb.RemoteConfigStatus{LastRemoteConfigHash: remote.ConfigHash, Status: status}))
		must(agent.UpdateEffectiveConfig(ctx))
	}
	name := &pb.AnyValue{Value: &pb.AnyValue_StringValue{StringValue: service}}
	must(agent.SetAgentDescription(&pb.AgentDescription{
		IdentifyingAttributes: []*pb.KeyValue{{Key: "service.name", Value: name}},
	}))
	heartbeat := time.Second
	must(agent.Start(context.Background(), types.StartSettings{
		OpAMPServerURL:    url,
		InstanceUid:       types.InstanceUid(uuid.Must(uuid.NewV7())),
		HeartbeatInterval: &heartbeat,
		EnableCompression: len(os.Args) > 3,
		Capabilities: pb.AgentCapabilities_AgentCapabilities_ReportsStatus |
			pb.AgentCapabilities_AgentCapabilities_AcceptsRemoteConfig |
			pb.AgentCapabilities_AgentCapabilities_ReportsRemoteConfig |
			pb.AgentCapabilities_AgentCapabilities_ReportsEffectiveConfig |
			pb.AgentCapabilities_AgentCapabilities_ReportsHeartbeat,
		Callbacks: types.Callbacks{GetEffectiveConfig: config, OnMessage: apply},
	}))
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, os.Interrupt)
	<-ended
	must(agent.Stop(context.Background()))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
