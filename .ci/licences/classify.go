package main

import (
	"slices"
	"strings"
)

// marks are words that a licence has and no other, without punctuation that its copies differ in.
var marks = []struct {
	licence string
	all     []string
	none    []string
}{
	{"Apache-2.0", []string{"apache license", "version 2.0"}, nil},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining a copy"}, nil},
	{"ISC", []string{"permission to use, copy, modify, and", "distribute this software for any purpose with or without fee is hereby granted", "provided that the above copyright notice"}, nil},
	{"0BSD", []string{"permission to use, copy, modify, and", "distribute this software for any purpose with or without fee is hereby granted"}, []string{"provided that the above copyright notice"}},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "endorse or promote products"}, []string{"all advertising materials"}},
	{"BSD-4-Clause", []string{"redistribution and use in source and binary forms", "all advertising materials"}, nil},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms"}, []string{"endorse or promote products"}},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}, nil},
	{"Zlib", []string{"altered source versions must be plainly marked as such"}, nil},
	{"CC0-1.0", []string{"cc0 1.0 universal"}, nil},
	{"MPL-2.0", []string{"mozilla public license", "2.0"}, nil},
	{"EPL-2.0", []string{"eclipse public license"}, nil},
	{"AGPL-3.0", []string{"gnu affero general public license"}, nil},
	{"LGPL", []string{"gnu lesser general public license"}, nil},
	{"GPL", []string{"gnu general public license"}, nil},
	{"SSPL-1.0", []string{"server side public license"}, nil},
	{"BUSL-1.1", []string{"business source license"}, nil},
	{"CC-BY", []string{"creative commons attribution"}, nil},
}

// classify names all licences that are in a text: it may hold several, and then each of them has to be accepted.
func classify(text string) []string {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	is := func(word string) bool { return strings.Contains(text, word) }
	isNot := func(word string) bool { return !is(word) }
	var found []string
	for _, m := range marks {
		if !slices.ContainsFunc(m.all, isNot) && !slices.ContainsFunc(m.none, is) {
			found = append(found, m.licence)
		}
	}
	return found
}
