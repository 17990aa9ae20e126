// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"encoding/base64"
	"strings"
)

// Transform applies a transformer that makes one text of another; false if there is no result.
func Transform(name, text string) (string, bool) {
	switch name {
	case "tolower":
		return Lower(text), true
	case "toupper":
		return Upper(text), true
	case "basename":
		return text[strings.LastIndexByte(text, '/')+1:], true
	case "b64":
		decoded, err := base64.StdEncoding.DecodeString(text)
		return string(decoded), err == nil
	}
	return "", false
}
