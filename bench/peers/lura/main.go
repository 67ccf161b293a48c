// KrakenD's engine (lura) behind its own gin router, put together as KrakenD CE does it, without KrakenD's modules: one
// plain access-log line per request, no metrics and no limiter. It reads the same krakend.json. Started only when there
// is no `krakend` to measure, which has neither a wheel nor a Debian package.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime/debug"

	"github.com/luraproject/lura/v2/config"
	"github.com/luraproject/lura/v2/logging"
	"github.com/luraproject/lura/v2/proxy"
	gin "github.com/luraproject/lura/v2/router/gin"
	"github.com/luraproject/lura/v2/transport/http/server"
)

const module = "github.com/luraproject/lura/v2"

func version() string {
	built, _ := debug.ReadBuildInfo()
	for _, each := range built.Deps {
		if each.Path == module {
			return each.Version
		}
	}
	return ""
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: lura krakend.json | version")
	}
	if os.Args[1] == "version" {
		fmt.Println(version())
		return
	}
	spec, err := config.NewParser().Parse(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	logger, err := logging.NewLogger("ERROR", os.Stderr, "")
	if err != nil {
		log.Fatal(err)
	}
	gin.NewFactory(gin.Config{
		Engine:         gin.NewEngine(spec, gin.EngineOptions{Logger: logger, Writer: os.Stdout}),
		HandlerFactory: gin.EndpointHandler,
		ProxyFactory:   proxy.DefaultFactory(logger),
		Logger:         logger,
		RunServer:      server.RunServer,
	}).NewWithContext(context.Background()).Run(spec)
}
