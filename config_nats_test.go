package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestImpossibleBrokersAndRolesAreRefused(t *testing.T) {
	t.Parallel()
	for variables, want := range map[string]string{
		"BOOKING_ENGINE=kafka":                               "engine",
		"BOOKING_ROLES=":                                     "roles",
		"BOOKING_ROLES=api,worker":                           "roles",
		"BOOKING_ROLES=api,api":                              "roles",
		"BOOKING_ROLES=api BOOKING_SANDBOX__URL=http://a":    "database.url",
		"BOOKING_ROLES=api BOOKING_DATABASE__URL=postgres:x": "sandbox.url",
		"BOOKING_ROLES=api BOOKING_ENGINE=jetstream":         "nats.url",
		"BOOKING_NATS__URL=http://canary:4222":               "nats.url",
		"BOOKING_NATS__URL=nats://a:4222,canary":             "nats.url",
		"BOOKING_NATS__CREDENTIALS=/a":                       "nats.url",
		"BOOKING_NATS__TLS__CA=/a":                           "nats.url",
		"BOOKING_NATS__TLS__CERT=/a":                         "nats.tls.cert",
		"BOOKING_NATS__REPLICAS=2":                           "nats.replicas",
		"BOOKING_NATS__REPLICAS=3":                           "nats.replicas",
		"BOOKING_NATS__STORAGE=tape":                         "nats.storage",
		"BOOKING_NATS__STREAM=look.at":                       "nats.stream",
		"BOOKING_NATS__SYNC=-1s":                             "nats.sync",
		"BOOKING_NATS__BACKSTOP=0s":                          "nats.backstop",
		"BOOKING_NATS__SWEEP=0s":                             "nats.sweep",
		"BOOKING_NATS__LIMITS__FRAUD=-1":                     "nats.limits.fraud",
	} {
		_, err := load("config.yaml", strings.Fields(variables), nil)
		require.ErrorContains(t, err, want+": ", variables)
		require.NotContains(t, err.Error(), "canary", "an error may be shown to anybody")
	}
}

func TestAProcessWorksInThePoolsOfItsRoles(t *testing.T) {
	t.Parallel()
	cfg, err := load("config.yaml", strings.Fields("BOOKING_ENGINE=jetstream BOOKING_ROLES=fraud,sweeper BOOKING_DATABASE__URL=postgres://a/b "+
		"BOOKING_SANDBOX__URL=http://a BOOKING_NATS__URL=nats://a:4222,tls://user:password@b:4222 BOOKING_NATS__REPLICAS=3 BOOKING_NATS__LIMITS__PAYMENT=9"), nil)
	require.NoError(t, err)
	require.Equal(t, []booking.Pool{booking.FraudPool}, cfg.works())
	require.Equal(t, []booking.Pool{booking.PaymentPool}, cfg.governed())
	require.True(t, cfg.has(sweeperRole))
	require.False(t, cfg.has(apiRole))
	require.Equal(t, 9, jetstreamConfig(cfg, nil).Limits.Of(booking.PaymentPool))
	require.NoError(t, jetstreamConfig(cfg, nil).Validate())

	cfg.Engine = inProcess
	require.Empty(t, cfg.governed(), "only a broker bounds a fleet")
	require.Equal(t, booking.Pools(), DefaultConfig().works())
}
