package dynamodb

import (
	"strconv"
	"strings"
)

const (
	maxDigits   = 38   // significant digits of a number
	maxExponent = 126  // magnitudes below 10^126
	minExponent = -129 // magnitudes from 10^-130
)

// decimal is the number ±0.DIGITS × 10^exp. Digits has neither leading nor
// trailing zeros and is empty for zero, so equal numbers are equal structs.
type decimal struct {
	negative bool
	digits   string
	exp      int
}

// parseDecimal reads a number as the wire carries it.
func parseDecimal(text string) (decimal, error) {
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(text[i+1:])
		if err != nil {
			return decimal{}, notANumber(text)
		}
		mantissa, exponent = text[:i], n
	}
	negative := strings.HasPrefix(mantissa, "-")
	if negative || strings.HasPrefix(mantissa, "+") {
		mantissa = mantissa[1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return decimal{}, notANumber(text)
	}
	return newDecimal(negative, digits, len(whole)+exponent)
}

func notANumber(text string) error {
	return validationf("The parameter cannot be converted to a numeric value: %s", text)
}

// newDecimal normalizes digits and checks the range that DynamoDB stores.
func newDecimal(negative bool, digits string, exp int) (decimal, error) {
	trimmed := strings.TrimLeft(digits, "0")
	exp -= len(digits) - len(trimmed)
	trimmed = strings.TrimRight(trimmed, "0")
	switch {
	case trimmed == "":
		return decimal{}, nil
	case len(trimmed) > maxDigits:
		return decimal{}, validationf("Attempting to store more than 38 significant digits in a Number")
	case exp > maxExponent:
		return decimal{}, validationf("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case exp < minExponent:
		return decimal{}, validationf("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	}
	return decimal{negative: negative, digits: trimmed, exp: exp}, nil
}

// String is the number in full, without an exponent.
func (d decimal) String() string {
	if d.digits == "" {
		return "0"
	}
	sign := ""
	if d.negative {
		sign = "-"
	}
	switch n := len(d.digits); {
	case d.exp <= 0:
		return sign + "0." + strings.Repeat("0", -d.exp) + d.digits
	case d.exp >= n:
		return sign + d.digits + strings.Repeat("0", d.exp-n)
	default:
		return sign + d.digits[:d.exp] + "." + d.digits[d.exp:]
	}
}

// compare orders numbers by value.
func (d decimal) compare(e decimal) int {
	if d.sign() != e.sign() {
		return d.sign() - e.sign()
	}
	if d.exp != e.exp {
		if d.exp > e.exp {
			return d.sign()
		}
		return -d.sign()
	}
	return d.sign() * strings.Compare(d.digits, e.digits)
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	default:
		return 1
	}
}

// size is the storage of the number in bytes: two digits a byte, one byte for
// the magnitude, one for a minus.
func (d decimal) size() int {
	n := (len(d.digits)+1)/2 + 1
	if d.negative {
		n++
	}
	return n
}
