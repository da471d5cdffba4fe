package dev_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	gopackages "golang.org/x/tools/go/packages"
)

// doored are the rooms whose doors are counted.
var doored = regexp.MustCompile(`/functions/internal/(report|stream|tagalong|timeline|ledger|decide|reactor|pipeline|query|sweep)$`)

// wellKnown are the methods that packages of the standard library and of the SDK call.
var wellKnown = []string{"As", "Error", "Is", "LogValue", "MarshalJSON", "MarshalText", "String", "UnmarshalJSON", "UnmarshalText", "Unwrap"}

// TestWhatIsExportedIsUsedElsewhere keeps the doors of the rooms few: what a room exports,
// another folder uses. With -v it says how many names each room exports. What is
// left out, since its use is not to be seen: the methods by which a type implements an
// interface, fields that are encoded or embedded, types that another exported name
// mentions, and the other values of a type of which one value is used. A method of an
// interface must be called somewhere, if only at home.
func TestWhatIsExportedIsUsedElsewhere(t *testing.T) {
	loaded, err := gopackages.Load(&gopackages.Config{
		Mode:  gopackages.NeedName | gopackages.NeedFiles | gopackages.NeedSyntax | gopackages.NeedTypes | gopackages.NeedTypesInfo | gopackages.NeedImports,
		Dir:   root,
		Tests: true,
	}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	house := doors{used: map[door]map[string]bool{}, contracts: map[string]bool{}}
	for _, p := range loaded {
		for _, e := range p.Errors {
			t.Fatal(e)
		}
		house.enter(p)
	}
	counts := map[string]int{}
	for _, p := range loaded {
		if !doored.MatchString(p.ID) {
			continue
		}
		all := exportedOf(p)
		mentioned, values := mentionedBy(all), house.valuesUsed(all)
		for _, e := range all {
			counts[p.Name]++
			if !house.open(e) && !mentioned[e.object] && !(e.kind == "value" && values[e.object.Type().String()]) {
				t.Errorf("%s: %s.%s is exported, but used in its own package alone", e.at, p.Name, e.name)
			}
		}
	}
	if len(counts) != 10 {
		t.Errorf("%d rooms were counted", len(counts))
	}
	for _, room := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%-10s exports %3d names", room, counts[room])
	}
}

// door is where a name is declared: the same in the source and in what the compiler
// keeps for those who import it.
type door struct {
	file string
	line int
	name string
}

// exported is a name that other packages may use.
type exported struct {
	door
	object   types.Object
	at       token.Position
	name     string // with its type's
	kind     string
	contract string // of a method: its name and signature
}

// doors are the uses of names, by the folders that use them, and the methods that
// interfaces of the module ask for.
type doors struct {
	used      map[door]map[string]bool
	contracts map[string]bool
}

// enter notes what a package uses, and what its interfaces ask for.
func (d doors) enter(p *gopackages.Package) {
	home := filepath.Dir(p.GoFiles[0])
	use := func(o types.Object) {
		at := doorOf(p.Fset, o)
		if d.used[at] == nil {
			d.used[at] = map[string]bool{}
		}
		d.used[at][home] = true
	}
	for _, o := range p.TypesInfo.Uses {
		use(o)
	}
	for node, of := range p.TypesInfo.Types {
		_, isLiteral := node.(*ast.CompositeLit)
		if fields, ok := of.Type.Underlying().(*types.Struct); ok && isLiteral {
			for f := range fields.Fields() {
				use(f) // who makes a value says something of each, if only by leaving it out
			}
		}
		if i, ok := of.Type.Underlying().(*types.Interface); ok && of.IsType() {
			for m := range i.Methods() {
				d.contracts[contractOf(m)] = true
			}
		}
	}
}

// open reports whether somebody needs it exported.
func (d doors) open(e exported) bool {
	users := d.used[e.door]
	switch e.kind {
	case "interface method":
		return len(users) > 0
	case "method":
		if d.contracts[e.contract] || slices.Contains(wellKnown, e.door.name) {
			return true
		}
	}
	for user := range users {
		if user != filepath.Dir(e.file) {
			return true
		}
	}
	return false
}

// mentionedBy returns the types that names mention: in signatures, fields and what is embedded.
func mentionedBy(all []exported) map[types.Object]bool {
	mentioned := map[types.Object]bool{}
	for _, e := range all {
		mention := func(of types.Type) {
			walk(of, map[types.Type]bool{}, func(named *types.TypeName) { mentioned[named] = mentioned[named] || named != e.object })
		}
		mention(e.object.Type())
		if _, isType := e.object.(*types.TypeName); isType {
			mention(e.object.Type().Underlying())
		}
	}
	return mentioned
}

// walk goes through what a type is made of, up to the types that have a name.
func walk(of types.Type, seen map[types.Type]bool, visit func(*types.TypeName)) {
	if seen[of] {
		return
	}
	seen[of] = true
	switch of := of.(type) {
	case *types.Named:
		visit(of.Obj())
		for arg := range of.TypeArgs().Types() {
			walk(arg, seen, visit)
		}
	case *types.Signature:
		walk(of.Params(), seen, visit)
		walk(of.Results(), seen, visit)
	case *types.Tuple:
		for v := range of.Variables() {
			walk(v.Type(), seen, visit)
		}
	case *types.Struct:
		for f := range of.Fields() {
			if f.Exported() {
				walk(f.Type(), seen, visit)
			}
		}
	case *types.Interface:
		for embedded := range of.EmbeddedTypes() {
			walk(embedded, seen, visit)
		}
	case *types.Map:
		walk(of.Key(), seen, visit)
		walk(of.Elem(), seen, visit)
	case interface{ Elem() types.Type }:
		walk(of.Elem(), seen, visit)
	}
}

// valuesUsed returns the types of which another folder uses a value.
func (d doors) valuesUsed(all []exported) map[string]bool {
	used := map[string]bool{}
	for _, e := range all {
		if e.kind == "value" && d.open(e) {
			used[e.object.Type().String()] = true
		}
	}
	return used
}

func doorOf(files *token.FileSet, o types.Object) door {
	switch of := o.(type) {
	case *types.Var:
		o = of.Origin()
	case *types.Func:
		o = of.Origin()
	}
	at := files.Position(o.Pos())
	return door{at.Filename, at.Line, o.Name()}
}

func contractOf(m *types.Func) string {
	return m.Name() + strings.TrimPrefix(types.TypeString(types.NewSignatureType(nil, nil, nil, m.Signature().Params(), m.Signature().Results(), m.Signature().Variadic()), (*types.Package).Path), "func")
}

// exportedOf returns what a package exports: its names, and the methods and fields of its types.
func exportedOf(p *gopackages.Package) (all []exported) {
	add := func(o types.Object, name, kind string) {
		if o.Exported() {
			e := exported{door: doorOf(p.Fset, o), object: o, at: p.Fset.Position(o.Pos()), name: name, kind: kind}
			if m, ok := o.(*types.Func); ok {
				e.contract = contractOf(m)
			}
			all = append(all, e)
		}
	}
	scope := p.Types.Scope()
	for _, name := range scope.Names() {
		o := scope.Lookup(name)
		kind := "name"
		if _, isValue := o.(*types.Const); isValue {
			kind = "value"
		}
		add(o, name, kind)
		named, ok := o.Type().(*types.Named)
		if _, isType := o.(*types.TypeName); !isType || !ok || !o.Exported() {
			continue
		}
		for m := range named.Methods() {
			add(m, name+"."+m.Name(), "method")
		}
		switch of := named.Underlying().(type) {
		case *types.Interface:
			for m := range of.ExplicitMethods() {
				add(m, name+"."+m.Name(), "interface method")
			}
		case *types.Struct:
			for i := range of.NumFields() {
				if f := of.Field(i); !f.Embedded() && reflect.StructTag(of.Tag(i)).Get("json") == "" {
					add(f, name+"."+f.Name(), "field")
				}
			}
		}
	}
	return all
}
