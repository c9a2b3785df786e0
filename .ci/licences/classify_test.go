package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALicenceIsToldByItsWords(t *testing.T) {
	t.Parallel()
	const bsd = "Redistribution and use in\n  source and binary forms, with or without modification, are permitted."
	for text, want := range map[string][]string{
		"Permission is hereby granted, free of charge,\nto any person obtaining a copy": {"MIT"},
		"Apache License\n   Version 2.0, January 2004":                                  {"Apache-2.0"},
		bsd: {"BSD-2-Clause"},
		bsd + " may not be used to endorse or promote products":                                                       {"BSD-3-Clause"},
		bsd + " may not be used to endorse or promote products. All advertising materials must display":               {"BSD-4-Clause"},
		"GNU GENERAL PUBLIC LICENSE Version 3":                                                                        {"GPL"},
		"GNU LESSER GENERAL PUBLIC LICENSE, a supplement to the GNU General Public License":                           {"LGPL", "GPL"},
		"GNU Affero General Public License":                                                                           {"AGPL-3.0"},
		"Mozilla Public License Version 2.0":                                                                          {"MPL-2.0"},
		"Business Source License 1.1":                                                                                 {"BUSL-1.1"},
		"Server Side Public License":                                                                                  {"SSPL-1.0"},
		"Apache License Version 2.0 ... Permission is hereby granted, free of charge, to any person obtaining a copy": {"Apache-2.0", "MIT"},
		"You may look at this on Sundays":                                                                             nil,
	} {
		require.ElementsMatch(t, want, classify(text), text)
	}
}
